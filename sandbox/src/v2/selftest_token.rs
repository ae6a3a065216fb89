//! Proof that tokens are given for the right form alone, and are good for as long as the switches say.

use chrono::Utc;
use serde_json::json;

use super::by_hand::{form, fresh, function, is_the_account, last_hour, list, recently, token};
use crate::{AuditEvent, Endpoint, Sandbox, TokenRefusal, changes};

#[test]
fn gives_a_fresh_token_for_the_right_form() {
    let sandbox = Sandbox::start();
    let answer = token(&form()).send(&sandbox);
    assert_eq!(answer.status, 200);
    assert_ne!(answer.header("x-request-id"), "");
    assert_eq!(answer.header("x-ratelimit-limit"), "");
    let first = answer.json();
    assert_eq!(first["token_type"], json!("Bearer"));
    assert_eq!(
        (&first["expires_in"], &first["scope"]),
        (&json!(1799), &json!(""))
    );
    let second = fresh(&sandbox);
    assert_ne!(first["access_token"], json!(second));
    assert_eq!(sandbox.tokens().len(), 2);
    assert!(sandbox.secrets().contains(&second));
    sandbox.set(|switches| switches.token_expires_in = None);
    assert_eq!(token(&form()).send(&sandbox).json().get("expires_in"), None);
    assert_eq!(sandbox.count(Endpoint::Token), 3);
}

#[test]
fn takes_every_correct_encoding() {
    let sandbox = Sandbox::start();
    let lower_case = form().replace("%2B", "%2b");
    assert_eq!(token(&lower_case).send(&sandbox).status, 200);
    let reordered: Vec<&str> = lower_case.split('&').rev().collect();
    assert_eq!(token(&reordered.join("&")).send(&sandbox).status, 200);
}

#[test]
fn refuses_a_wrong_secret_and_repeats_it() {
    let sandbox = Sandbox::start();
    let wrong = form().replace("Rehearsal", "Mistake");
    let answer = token(&wrong).send(&sandbox);
    assert_eq!(answer.status, 401);
    let failure = &answer.json()["fail"][0];
    assert_eq!(failure["code"], json!("InvalidClientIdentifier"));
    let message = failure["message"].as_str().expect("a text");
    assert!(message.starts_with("Client credentials are invalid"));
    assert!(message.contains("canary+client&secret=5d41/f0c2%20Mistake"));
    assert!(message.contains(&wrong));

    sandbox.set(|switches| switches.wrong_client_secret = true);
    sandbox.set(|switches| switches.token_refusal = TokenRefusal::Nested);
    let answer = token(&form()).send(&sandbox);
    assert_eq!(answer.code(), "invalid_client_identifier");
    sandbox.set(|switches| switches.token_refusal = TokenRefusal::Empty);
    let answer = token(&form()).send(&sandbox);
    assert_eq!((answer.status, answer.body.len()), (400, 0));
    assert!(sandbox.complaints().is_empty());
}

#[test]
fn refuses_misuse_and_complains() {
    let sandbox = Sandbox::start();
    sandbox.allow_complaints();
    let raw = sandbox.client().client_secret;
    let glued = format!("client_id=a&client_secret={raw}&grant_type=client_credentials");
    let forms = [
        glued,
        form() + "&scope=",
        form() + "&client_id=again",
        form().replace("client_credentials", "password"),
        form().replace("&grant_type=client_credentials", ""),
        form() + "%2",
        form().replace("%2B", "%zz"),
        form().replace("%2F", "/"),
        form().replace("%2B", "%ff"),
        "{}".to_owned(),
        String::new(),
    ];
    for form in &forms {
        assert_eq!(token(form).send(&sandbox).status, 400, "{form}");
    }
    let asks = [
        token(&form()).with("Content-Type", "application/json"),
        token(&form()).with("Authorization", "Basic YTpi"),
        token(&form()).with("x-mc-app-id", "1"),
        token(&form()).with("Accept", "text/html"),
    ];
    for ask in &asks {
        assert_eq!(ask.send(&sandbox).status, 400, "{:?}", ask.headers);
    }
    let mut got = token(&form());
    got.method = "GET";
    assert_eq!(got.send(&sandbox).status, 405);
    let mut elsewhere = token(&form());
    elsewhere.target += "?grant_type=client_credentials";
    assert_eq!(elsewhere.send(&sandbox).status, 404);
    assert_eq!(sandbox.complaints().len(), forms.len() + asks.len() + 2);
}

#[test]
fn expires_tokens_by_use_by_time_and_by_hand() {
    let sandbox = Sandbox::start();
    let spend = |token: &str| {
        let answer = list(token, "receipt", &recently()).send(&sandbox);
        let code = match answer.status {
            200 => String::new(),
            _ => answer.json()["fail"][0]["code"]
                .as_str()
                .expect("a code")
                .to_owned(),
        };
        (answer.status, code)
    };
    let expired = (401, "token_expired".to_owned());
    sandbox.set(|switches| switches.token_uses = Some(2));
    let token = fresh(&sandbox);
    assert_eq!((spend(&token).0, spend(&token).0), (200, 200));
    assert_eq!(spend(&token), expired);
    sandbox.set(|switches| switches.token_uses = None);
    assert_eq!(spend(&token), expired, "expired once, expired for good");

    let (one, other) = (fresh(&sandbox), fresh(&sandbox));
    assert_eq!((spend(&one).0, spend(&other).0), (200, 200));
    sandbox.expire_tokens();
    assert_eq!(
        (spend(&one), spend(&other)),
        (expired.clone(), expired.clone())
    );

    let token = fresh(&sandbox);
    let code = "token_verification_failed";
    sandbox.next(Endpoint::Events, changes::flat(401, code, "try again"));
    assert_eq!(spend(&token), (401, code.to_owned()));
    assert_eq!(spend(&token).0, 200, "the token was good all along");
    sandbox.set(|switches| switches.token_life_ms = 0);
    assert_eq!(spend(&token), expired);
    assert!(sandbox.complaints().is_empty());

    sandbox.allow_complaints();
    assert_eq!(spend("nobody0gave0this0out").1, code);
    let mut bare = list("", "receipt", &recently());
    bare.headers.clear();
    assert_eq!(bare.send(&sandbox).status, 401);
    assert_eq!(sandbox.complaints().len(), 2);
}

#[test]
fn answers_the_calls_of_both_generations() {
    let sandbox = Sandbox::start();
    let now = Utc::now();
    sandbox.audit((0..3).map(|number| AuditEvent::realistic(number, now)));
    let token = fresh(&sandbox);
    let account = function(&token, Endpoint::Account, &json!({"data": []}));
    assert!(is_the_account(&account.send(&sandbox)));
    let audit = function(&token, Endpoint::Audit, &last_hour());
    let answer = audit.send(&sandbox);
    assert_eq!(answer.json()["data"].as_array().map(Vec::len), Some(3));
    assert_ne!(answer.header("x-request-id"), "");
    assert_eq!(answer.header("x-ratelimit-limit"), "");

    sandbox.set(|switches| switches.forbid.extend([Endpoint::Audit]));
    let refused = audit.send(&sandbox);
    let code = refused.json()["fail"][0]["code"].clone();
    assert_eq!((refused.status, code), (403, json!("app_forbidden")));
    sandbox.expire_tokens();
    assert_eq!(account.send(&sandbox).status, 401);
    assert!(sandbox.complaints().is_empty());

    sandbox.allow_complaints();
    let token = fresh(&sandbox);
    let signed = function(&token, Endpoint::Account, &json!({"data": []}));
    let both = signed.with("x-mc-date", "Fri, 20 Nov 2026 00:00:00 UTC");
    assert_eq!(both.send(&sandbox).status, 400);
    let unknown = function(&token, Endpoint::Account, &json!({"data": [], "more": 1}));
    assert_eq!(unknown.send(&sandbox).status, 400);
    let old = function(&token, Endpoint::Siem, &json!({"data": []}));
    assert_eq!(old.send(&sandbox).code(), "err_developer_key");
    assert_eq!(sandbox.complaints().len(), 2);
}
