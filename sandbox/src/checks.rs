//! What every call has to satisfy before anyone looks into its body.

use chrono::TimeDelta;

use crate::account::Account;
use crate::changes::expired;
use crate::dates;
use crate::endpoint::Endpoint;
use crate::http::Request;
use crate::reply::Reply;
use crate::service::Service;
use crate::signing;

/// Checks method, path, headers and signature; gives the call, or the refusal to send.
pub(crate) fn admit(
    service: &mut Service,
    request: &Request,
    complaints: &mut Vec<String>,
) -> Result<Endpoint, Reply> {
    let Some(endpoint) = Endpoint::of(&request.target) else {
        complaints.push("no such path".to_owned());
        return Err(Reply::failure(404, "err_not_found", "no such path"));
    };
    if request.method != "POST" {
        complaints.push(format!("sent with {} instead of POST", request.method));
        return Err(Reply::failure(405, "err_method_not_allowed", "POST only"));
    }
    if let Err(misuse) = check_plain_headers(endpoint, request) {
        let refusal = Reply::failure(400, "err_validation_null", &misuse);
        complaints.push(misuse);
        return Err(refusal);
    }
    check_application(request)?;
    check_id_and_date(service, endpoint, request, complaints)?;
    if endpoint.is_signed() {
        check_signature(request)?;
        if service.switches.revoked {
            return Err(expired());
        }
    }
    if service.switches.forbid.contains(&endpoint) {
        let message = "0003 Forbidden To Perform Operation For Address";
        return Err(Reply::failure(
            403,
            "err_xdk_operation_forbidden_for_address",
            message,
        ));
    }
    Ok(endpoint)
}

fn check_plain_headers(endpoint: Endpoint, request: &Request) -> Result<(), String> {
    if request.header("host").is_none() {
        return Err("no host header".to_owned());
    }
    match request.header("content-type") {
        Some("application/json") => {}
        other => {
            return Err(format!(
                "content-type is {other:?} instead of application/json"
            ));
        }
    }
    // One peer met 406 when it asked a binary endpoint for JSON alone; asking so is wrong in any case.
    let accept = request.header("accept").unwrap_or("*/*");
    let binary = accept.contains("*/*") || accept.contains("application/octet-stream");
    if endpoint == Endpoint::Siem && !binary {
        return Err(format!("accept is {accept:?}, which rules an archive out"));
    }
    for name in ["x-mc-app-id", "x-mc-req-id", "x-mc-date", "authorization"] {
        let same = |(header, _): &&(String, String)| header.eq_ignore_ascii_case(name);
        if request.headers.iter().filter(same).count() > 1 {
            return Err(format!("{name} is sent more than once"));
        }
    }
    Ok(())
}

/// An unknown application is refused inside HTTP 200: recorded, and easily mistaken for "no logs".
fn check_application(request: &Request) -> Result<(), Reply> {
    let app_id = request.header("x-mc-app-id").unwrap_or_default();
    if app_id == Account::SYNTHETIC.app_id {
        return Ok(());
    }
    let message = format!("App ID is invalid: {app_id}");
    Err(Reply::failure(200, "err_developer_key", &message))
}

/// A request id is used once; a date is well-formed and near the server's clock. Unsigned calls may leave both out.
fn check_id_and_date(
    service: &mut Service,
    endpoint: Endpoint,
    request: &Request,
    complaints: &mut Vec<String>,
) -> Result<(), Reply> {
    match request.header("x-mc-req-id") {
        None if !endpoint.is_signed() => {}
        Some(id) if is_guid(id) => {
            if !service.used_ids.insert(id.to_ascii_lowercase()) {
                complaints.push(format!("request id {id} was used before"));
                return Err(unsigned());
            }
        }
        other => {
            complaints.push(format!("x-mc-req-id is {other:?} instead of a GUID"));
            return Err(unsigned());
        }
    }
    let date = match request.header("x-mc-date") {
        None if !endpoint.is_signed() => return Ok(()),
        text => text.and_then(dates::signed).ok_or(text),
    };
    let date = date.map_err(|text| {
        complaints.push(format!("x-mc-date is {text:?} instead of a date in UTC"));
        unsigned()
    })?;
    let skew = (service.now() - date).abs();
    let limit = i64::try_from(service.switches.skew_limit_seconds).unwrap_or(i64::MAX);
    if skew <= TimeDelta::try_seconds(limit).unwrap_or(TimeDelta::MAX) {
        return Ok(());
    }
    // With the server's clock set apart on purpose the client is not to blame.
    if service.switches.clock_offset_seconds == 0 {
        complaints.push(format!("x-mc-date is {} seconds off", skew.num_seconds()));
    }
    Err(unsigned())
}

/// The signature is checked over the texts as sent. A wrong one is refused but no complaint: wrong keys are an
/// ordinary thing to test.
fn check_signature(request: &Request) -> Result<(), Reply> {
    let account = Account::SYNTHETIC;
    let expected = signing::signature(
        account.secret_key,
        request.header("x-mc-date").unwrap_or_default(),
        request.header("x-mc-req-id").unwrap_or_default(),
        &request.target,
        account.app_key,
    );
    let expected = expected.map(|signature| format!("MC {}:{signature}", account.access_key));
    if expected.as_deref() == request.header("authorization") {
        Ok(())
    } else {
        Err(unsigned())
    }
}

/// The recorded answer to a wrong application key, secret or access key; the three cannot be told apart.
fn unsigned() -> Reply {
    Reply::failure(401, "err_xdk_invalid_signature", "0004 Invalid Signature")
}

/// Hyphenated hexadecimal in groups of 8, 4, 4, 4 and 12.
fn is_guid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12]
        && text
            .chars()
            .all(|character| character == '-' || character.is_ascii_hexdigit())
}
