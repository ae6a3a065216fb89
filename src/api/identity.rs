//! The identity of the collector, and the headers that prove it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::endpoints::Call;
use super::token::Application;
use super::{ApiError, sign};
use crate::credentials::Credentials;

const DATE: HeaderName = HeaderName::from_static("x-mc-date");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-mc-req-id");
const APP_ID: HeaderName = HeaderName::from_static("x-mc-app-id");

/// The identity that a client uses.
#[derive(Clone, Debug)]
pub enum Identity {
    /// API 1.0: only the application id, for discovery.
    Application,
    /// API 1.0: e-mail address and password, as the value of `Authorization`.
    Basic(SecretString),
    /// API 1.0: a key pair.
    Keys(Credentials),
    /// API 2.0: an application that fetches bearer tokens.
    Bearer(Arc<Application>),
}

/// Returns the headers of one attempt under API 1.0, with a new signature.
pub(super) fn signed_headers(
    identity: &Identity,
    app_id: &str,
    call: Call,
    now: DateTime<Utc>,
) -> Result<HeaderMap, ApiError> {
    let id = Uuid::new_v4();
    let (date, id, authorization) = match identity {
        Identity::Keys(keys) => {
            let signed = sign::sign(keys, now, id, call.path());
            (signed.date, signed.request_id, Some(signed.authorization))
        }
        Identity::Basic(value) => (sign::date(now), id.to_string(), Some(value.clone())),
        Identity::Application | Identity::Bearer(_) => (sign::date(now), id.to_string(), None),
    };
    let mut headers = HeaderMap::new();
    headers.insert(DATE, value(&date, "the date")?);
    headers.insert(REQUEST_ID, value(&id, "the request id")?);
    headers.insert(APP_ID, value(app_id, "the application id")?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // the same call returns archives and JSON
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    if let Some(authorization) = authorization {
        headers.insert(AUTHORIZATION, secret(&authorization)?);
    }
    Ok(headers)
}

/// Returns the headers of one attempt under API 2.0.
pub(super) fn bearer_headers(token: &SecretString) -> Result<HeaderMap, ApiError> {
    let mut headers = HeaderMap::new();
    let authorization = SecretString::from(format!("Bearer {}", token.expose_secret()));
    headers.insert(AUTHORIZATION, secret(&authorization)?);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(headers)
}

fn value(text: &str, what: &str) -> Result<HeaderValue, ApiError> {
    let text = HeaderValue::from_str(text);
    text.map_err(|_| ApiError::Unusable(format!("{what} cannot be sent in a header")))
}

fn secret(text: &SecretString) -> Result<HeaderValue, ApiError> {
    let mut value = value(text.expose_secret(), "the authorization")?;
    value.set_sensitive(true);
    Ok(value)
}
