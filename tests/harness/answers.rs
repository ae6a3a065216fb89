//! Alterations of an answer that only these tests make.

use mimecast_sandbox::{Reply, changes};

/// Another text as the body.
pub(crate) fn text(change: impl Fn(&str) -> String) -> impl Fn(&mut Reply) {
    move |reply| {
        let text = change(&String::from_utf8_lossy(&reply.body));
        reply.set_body(text.into_bytes());
    }
}

/// The body with one byte changed, at the place that its length gives.
pub(crate) fn flip(at: impl Fn(usize) -> usize, bits: u8) -> impl Fn(&mut Reply) {
    move |reply| {
        let mut body = reply.body.to_vec();
        let at = at(body.len());
        body[at] ^= bits;
        reply.set_body(body);
    }
}

/// A page of HTML with which a proxy refuses a request.
pub(crate) fn html_400(reply: &mut Reply) {
    changes::html_200()(reply);
    reply.status = 400;
}
