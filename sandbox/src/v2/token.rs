//! The token call, and what a token is good for.

use std::time::{Duration, Instant};

use serde_json::json;

use super::client::Client;
use super::form::Pairs;
use super::refusals;
use crate::http::Request;
use crate::reply::Reply;
use crate::service::Service;
use crate::switches::TokenRefusal;

/// The length of the one recorded token.
const TOKEN_LENGTH: usize = 28;

/// Every token that was ever given out.
#[derive(Default)]
pub(super) struct Tokens(Vec<Minted>);

struct Minted {
    text: String,
    born: Instant,
    uses: u32,
    expired: bool,
}

impl Tokens {
    fn mint(&mut self) -> String {
        let text: String = (0..TOKEN_LENGTH)
            .map(|_| fastrand::alphanumeric())
            .collect();
        self.0.push(Minted {
            text: text.clone(),
            born: Instant::now(),
            uses: 0,
            expired: false,
        });
        text
    }

    pub(super) fn expire(&mut self) {
        for minted in &mut self.0 {
            minted.expired = true;
        }
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.0.iter().map(|minted| minted.text.clone()).collect()
    }
}

/// Answers with a fresh token.
pub(super) fn answer(
    service: &mut Service,
    request: &Request,
    complaints: &mut Vec<String>,
) -> Reply {
    match read(request) {
        Err(misuse) => {
            let refusal = refuse(service, request, "InvalidRequest", &misuse);
            complaints.push(misuse);
            Reply {
                status: 400,
                ..refusal
            }
        }
        Ok((id, secret)) => {
            let client = Client::SYNTHETIC;
            let right = id == client.client_id && secret == client.client_secret;
            if !right || service.switches.wrong_client_secret {
                // No complaint: a wrong secret is an ordinary thing to test.
                let message = format!("Client credentials are invalid: {id} {secret}");
                return refuse(service, request, "InvalidClientIdentifier", &message);
            }
            let mut token = json!({
                "access_token": service.v2.tokens.mint(),
                "token_type": "Bearer",
                "scope": "",
            });
            if let Some(seconds) = service.switches.token_expires_in {
                token["expires_in"] = json!(seconds);
            }
            Reply::json(200, &token).unstored()
        }
    }
}

/// The two credentials of a request that is as documented.
fn read(request: &Request) -> Result<(String, String), String> {
    let kind = request.header("content-type");
    if kind != Some("application/x-www-form-urlencoded") {
        return Err(format!("content-type is {kind:?} instead of a form's"));
    }
    if request.header("authorization").is_some() {
        return Err("the token call carries an authorization".to_owned());
    }
    let form = Pairs::of_form(&request.body)?;
    form.only(&["client_id", "client_secret", "grant_type"])?;
    let grant = form.required("grant_type")?;
    if grant != "client_credentials" {
        return Err(format!("grant_type is {grant:?}"));
    }
    let id = form.required("client_id")?.to_owned();
    Ok((id, form.required("client_secret")?.to_owned()))
}

/// Refuses, and hands back what was submitted: an integrator met such bodies, which therefore must reach no log.
fn refuse(service: &Service, request: &Request, code: &str, message: &str) -> Reply {
    let echo = String::from_utf8_lossy(&request.body);
    let message = format!("{message} (submitted: {echo})");
    match service.switches.token_refusal {
        TokenRefusal::Flat => refusals::flat(401, code, &message),
        TokenRefusal::Nested => Reply::failure(401, "invalid_client_identifier", &message),
        TokenRefusal::Empty => Reply {
            status: 400,
            headers: Vec::new(),
            body: Vec::new().into(),
            wire: crate::Wire::Whole,
        },
    }
}

/// Checks the token of a call and counts its use.
pub(super) fn check(
    service: &mut Service,
    request: &Request,
    complaints: &mut Vec<String>,
) -> Result<(), Reply> {
    let unverified = |misuse: &str, complaints: &mut Vec<String>| {
        complaints.push(misuse.to_owned());
        let message = "The access token could not be verified";
        refusals::flat(401, "token_verification_failed", message)
    };
    let sent = request.header("authorization").unwrap_or_default();
    let Some(sent) = sent.strip_prefix("Bearer ") else {
        return Err(unverified("no bearer token", complaints));
    };
    let life = Duration::from_millis(service.switches.token_life_ms);
    let uses = service.switches.token_uses.unwrap_or(u32::MAX);
    let mut tokens = service.v2.tokens.0.iter_mut();
    let Some(minted) = tokens.find(|minted| minted.text == sent) else {
        let misuse = "the bearer token was not given out here";
        return Err(unverified(misuse, complaints));
    };
    if minted.expired || minted.uses >= uses || minted.born.elapsed() >= life {
        minted.expired = true;
        return Err(refusals::token_expired());
    }
    minted.uses += 1;
    Ok(())
}
