//! Discovery, log-in and account.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::account::Account;
use crate::bodies;
use crate::http::Request;
use crate::reply::Reply;
use crate::service::Service;

/// Answers where the account lives; an unknown address gets an item without `region`, in a 200.
pub(crate) fn discover(service: &Service, body: &Value) -> Result<Reply, String> {
    let item = bodies::item(body, &["data"], &["emailAddress"])?;
    let email = bodies::required(item, "emailAddress")?;
    let mut found = json!({"emailAddress": email, "authenticate": service.switches.authenticate});
    if email.eq_ignore_ascii_case(Account::SYNTHETIC.email) {
        found["emailToken"] = json!("opaque");
        found["region"] = json!({
            "code": "sandbox",
            "name": "Sandbox",
            "api": service.switches.region_api.as_ref().unwrap_or(&service.url),
            "mpp": "https://portal.example.com",
            "adminConsole": "https://console.example.com",
        });
    }
    Ok(Reply::success(&json!([found])))
}

/// Answers a log-in with the key pair.
///
/// There is one pair: a log-in after expiry gives it back and renews it, whether or not the old access key was sent.
pub(crate) fn login(
    service: &mut Service,
    request: &Request,
    body: &Value,
    complaints: &mut Vec<String>,
) -> Result<Reply, String> {
    let item = bodies::item(body, &["data"], &["userName", "accessKey"])?;
    let user = bodies::required(item, "userName")?;
    let renews = bodies::text(item, "accessKey")?;
    let header = request
        .header("authorization")
        .ok_or("no authorization for the log-in")?;
    let (scheme, credentials) = header.split_once(' ').unwrap_or((header, ""));
    if !matches!(scheme, "Basic-Cloud" | "Basic-AD") {
        complaints.push("log-in is neither Basic-Cloud nor Basic-AD".to_owned());
        return Ok(unsupported());
    }
    if !service
        .switches
        .authenticate
        .iter()
        .any(|allowed| allowed == scheme)
    {
        return Ok(unsupported());
    }
    let decoded = STANDARD
        .decode(credentials)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or("log-in credentials are not base64 of a text")?;
    let (email, password) = decoded
        .split_once(':')
        .ok_or("log-in credentials have no colon")?;
    if email != user {
        complaints.push("userName differs from the address in the authorization".to_owned());
    }
    let account = Account::SYNTHETIC;
    let right = email == account.email && password == account.password;
    if !right || renews.is_some_and(|key| key != account.access_key) {
        return Ok(wrong_password(user));
    }
    service.switches.revoked = false;
    Ok(Reply::success(&json!([{
        "accessKey": account.access_key,
        "secretKey": account.secret_key,
        "duration": service.switches.binding_duration_ms,
        "bindingType": "one_step", // without a second factor
        "extendOnValidate": false,
        "lastUserToken": "opaque",
        "username": account.email,
    }])))
}

/// Answers who the customer is.
pub(crate) fn account(body: &Value) -> Result<Reply, String> {
    let data = bodies::object(body, "body", &["data"])?.get("data");
    if data != Some(&json!([])) {
        return Err("data is not an empty list".to_owned());
    }
    Ok(Reply::success(&json!([{
        "accountCode": Account::SYNTHETIC.account_code,
        "accountName": "Example Organisation",
        "adminEmail": "admin@example.com",
        "contactEmail": "contact@example.com",
        "contactName": "Example Contact",
        "domain": "example.com",
        "region": "sandbox",
        "mimecastId": "sandbox-000001",
        "supportCode": "000001",
        "passphrase": null,
        "type": "full",
        "userCount": 42,
        "maxRetention": 365,
        "maxRetentionConfirmed": true,
        "archive": false,
        "gateway": true,
        "packages": ["Example Package [1034]", "Another Package [1060]"],
    }])))
}

/// `fail[0].key.userName` and the message are what clients were seen to read; the code is a guess.
fn wrong_password(user: &str) -> Reply {
    let error = json!({
        "code": "err_xdk_authentication_failed",
        "message": "0002 Authentication failed",
        "retryable": false,
    });
    let fail = json!([{"key": {"userName": user}, "errors": [error]}]);
    Reply::envelope(401, &json!({"status": 401}), &json!([]), &fail)
}

/// Sub-code 0001 is the vendor's; the code beside it is a guess.
fn unsupported() -> Reply {
    let message = "0001 Authentication type is not supported for this user";
    Reply::failure(401, "err_xdk_authentication_type_unsupported", message)
}
