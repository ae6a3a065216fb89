//! Ready-made alterations for [`Sandbox::next`](crate::Sandbox::next) and [`Sandbox::always`](crate::Sandbox::always).

use serde_json::json;

use crate::reply::{Reply, Wire};
use crate::v2::refusals;

pub use crate::failings::{Failing, foreign_json, no_bytes, times, unpacked};

/// Too many calls. The recorded service says in `x-ratelimit-reset` when to come back, in milliseconds, and never sent
/// `retry-after`. `None` removes the header.
pub fn rate_limited(
    reset_ms: Option<u64>,
    retry_after: Option<&str>,
) -> impl Fn(&mut Reply) + Send + Sync + use<> {
    let retry_after = retry_after.map(str::to_owned);
    move |reply| {
        reply.become_reply(too_many());
        reply.set_header("x-ratelimit-remaining", "0");
        match reset_ms {
            Some(reset_ms) => reply.set_header("x-ratelimit-reset", &reset_ms.to_string()),
            None => reply.remove_header("x-ratelimit-reset"),
        }
        if let Some(retry_after) = &retry_after {
            reply.set_header("retry-after", retry_after);
        }
    }
}

/// The 429 itself. Its body is undocumented: an envelope without an error is the least that it can say.
pub(crate) fn too_many() -> Reply {
    Reply::envelope(429, &json!({"status": 429}), &json!([]), &json!([]))
}

/// A bare status with an empty body, as a load balancer in front of the service answers.
pub fn status(status: u16) -> impl Fn(&mut Reply) + Send + Sync {
    move |reply| {
        reply.status = status;
        reply.remove_header("content-type");
        reply.remove_header("content-disposition");
        reply.remove_header("mc-siem-token");
        reply.set_body([]);
    }
}

/// 200 with a page of HTML: a captive portal or a proxy's notice.
pub fn html_200() -> impl Fn(&mut Reply) + Send + Sync {
    |reply| {
        status(200)(reply);
        reply.set_header("content-type", "text/html; charset=utf-8");
        reply.set_body(*b"<!DOCTYPE html><html><body>Please sign in</body></html>");
    }
}

/// An error inside HTTP 200.
pub fn fail_in_200(code: &str, message: &str) -> impl Fn(&mut Reply) + Send + Sync + use<> {
    let failure = Reply::failure(200, code, message);
    move |reply| reply.become_reply(failure.clone())
}

/// The binding has expired.
pub fn expired_key() -> impl Fn(&mut Reply) + Send + Sync {
    |reply| reply.become_reply(expired())
}

/// The 418 itself; the number that may stand in front of the message was never seen.
pub(crate) fn expired() -> Reply {
    Reply::failure(418, "err_xdk_binding_expired", "Access Key Has Expired")
}

/// A redirect that must not be followed.
pub fn redirect_to(url: &str) -> impl Fn(&mut Reply) + Send + Sync + use<> {
    let url = url.to_owned();
    move |reply| {
        // 307 keeps method and body: a client that follows it hands its signed request to the other host.
        status(307)(reply);
        reply.set_header("location", &url);
    }
}

/// A different way of travelling for the same answer.
pub fn wire(wire: Wire) -> impl Fn(&mut Reply) + Send + Sync {
    move |reply| reply.wire = wire.clone()
}

/// One header replaced.
pub fn header(name: &str, value: &str) -> impl Fn(&mut Reply) + Send + Sync + use<> {
    let (name, value) = (name.to_owned(), value.to_owned());
    move |reply| reply.set_header(&name, &value)
}

/// One header taken away.
pub fn without_header(name: &str) -> impl Fn(&mut Reply) + Send + Sync + use<> {
    let name = name.to_owned();
    move |reply| reply.remove_header(&name)
}

/// The body damaged in its middle; its length stays.
pub fn corrupt() -> impl Fn(&mut Reply) + Send + Sync {
    |reply| {
        let mut body = reply.body.to_vec();
        let middle = body.len() / 2;
        for byte in body.iter_mut().skip(middle).take(16) {
            *byte ^= 0x5a;
        }
        reply.set_body(body);
    }
}

/// The body ends early, and the declared length agrees: the transport looks sound, the content is not.
pub fn truncated(bytes: usize) -> impl Fn(&mut Reply) + Send + Sync {
    move |reply| {
        let mut body = reply.body.to_vec();
        body.truncate(bytes);
        reply.set_body(body);
    }
}

/// API 2.0: an error as the gateway writes it, for instance `token_verification_failed` on a good token with 401.
pub fn flat(status: u16, code: &str, message: &str) -> impl Fn(&mut Reply) + Send + Sync + use<> {
    let failure = refusals::flat(status, code, message);
    move |reply| reply.become_reply(failure.clone())
}

/// API 2.0: too many calls; like [`rate_limited`] otherwise.
pub fn throttled(
    reset_ms: Option<u64>,
    retry_after: Option<&str>,
) -> impl Fn(&mut Reply) + Send + Sync + use<> {
    let headers = rate_limited(reset_ms, retry_after);
    move |reply| {
        headers(reply);
        let refusal = refusals::too_many(0, 0);
        reply.set_body(refusal.body);
    }
}

/// API 2.0: the object store refuses.
pub fn store_error(status: u16, code: &str) -> impl Fn(&mut Reply) + Send + Sync + use<> {
    let refusal = refusals::store(status, code, "refused by the test");
    move |reply| reply.become_reply(refusal.clone())
}
