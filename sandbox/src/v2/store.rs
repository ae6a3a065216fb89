//! The object store behind the presigned addresses, which knows of no token and wants none.

use std::time::{Duration, Instant};

use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};

use super::refusals;
use crate::http::Request;
use crate::reply::{Reply, Wire};
use crate::service::Service;

/// A presigned address that was given out.
pub(super) struct Address {
    log_type: &'static str,
    place: usize,
    signature: String,
    born: Instant,
    uses: u32,
    pub(super) expired: bool,
}

impl Address {
    pub(super) fn signature(&self) -> &str {
        &self.signature
    }
}

impl Service {
    /// The list's item for one object, with a fresh signature over the same path.
    pub(super) fn issue(&mut self, log_type: &'static str, place: usize) -> Value {
        let life_ms = self.switches.address_life_ms;
        let now = self.now();
        let store = self.v2.store_url.as_ref().unwrap_or(&self.url).clone();
        let kept = self.v2.shelf(log_type).at(place);
        let kept = kept.expect("a place that the list holds");
        let signature: String = (0..64).map(|_| fastrand::digit(16)).collect();
        // The escaped slashes are a trap: an address counts only as it was given out.
        let target = format!(
            "/objects/{}/{}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=SANDBOX%2F{}%2Fs3%2Faws4_request\
             &X-Amz-Expires={}&X-Amz-SignedHeaders=host&X-Amz-Signature={signature}",
            slug(log_type),
            kept.name,
            now.format("%Y%m%d"),
            life_ms.div_ceil(1000),
        );
        let lapses = TimeDelta::try_milliseconds(i64::try_from(life_ms).unwrap_or(i64::MAX));
        let item = json!({
            "url": format!("{store}{target}"),
            "expiry": (now + lapses.unwrap_or_default()).to_rfc3339_opts(SecondsFormat::Millis, true),
            "size": kept.size,
        });
        let address = Address {
            log_type,
            place,
            signature,
            born: Instant::now(),
            uses: 0,
            expired: false,
        };
        self.v2.addresses.insert(target, address);
        item
    }
}

/// The folder of a type.
pub(super) fn slug(log_type: &str) -> String {
    log_type.replace(' ', "-")
}

/// Answers with an object.
pub(super) fn answer(
    service: &mut Service,
    request: &Request,
    complaints: &mut Vec<String>,
) -> Reply {
    let mut reply = fetch(service, request, complaints).unwrap_or_else(|refusal| refusal);
    reply.set_header("x-amz-request-id", "5ANDB0X");
    reply.set_header("server", "AmazonS3");
    reply
}

fn fetch(
    service: &mut Service,
    request: &Request,
    complaints: &mut Vec<String>,
) -> Result<Reply, Reply> {
    if request.header("authorization").is_some() {
        complaints.push("a credential is sent to the object store".to_owned());
        let message = "Only one auth mechanism allowed";
        return Err(refusals::store(400, "InvalidArgument", message));
    }
    if !request.body.is_empty() {
        complaints.push("a GET with a body".to_owned());
    }
    let life = Duration::from_millis(service.switches.address_life_ms);
    let uses = service.switches.address_uses.unwrap_or(u32::MAX);
    let Some(address) = service.v2.addresses.get_mut(&request.target) else {
        // The real store repeats in its answer what was submitted.
        let message = format!(
            "The request signature we calculated does not match the signature you provided: {}",
            request.target.replace('&', "&amp;")
        );
        return Err(refusals::store(403, "SignatureDoesNotMatch", &message));
    };
    if address.expired || address.uses >= uses || address.born.elapsed() >= life {
        address.expired = true;
        let message = "Request has expired";
        return Err(refusals::store(403, "AccessDenied", message));
    }
    address.uses += 1;
    let (log_type, place) = (address.log_type, address.place);
    let replays_differ = service.switches.replays_differ;
    let taken = service.v2.shelf_mut(log_type).take(place, replays_differ);
    let Some(body) = taken else {
        let message = "The specified key does not exist.";
        return Err(refusals::store(404, "NoSuchKey", message));
    };
    Ok(Reply {
        status: 200,
        headers: vec![
            (
                "content-type".to_owned(),
                service.switches.object_content_type.clone(),
            ),
            ("accept-ranges".to_owned(), "bytes".to_owned()),
        ],
        body,
        wire: Wire::Whole,
    })
}
