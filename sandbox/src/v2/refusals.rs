//! The shapes in which API 2.0 and the object store refuse.

use serde_json::json;

use crate::reply::Reply;

/// What the gateway in front of the service says: a flat `fail`.
pub(crate) fn flat(status: u16, code: &str, message: &str) -> Reply {
    let fail = json!([{"code": code, "message": message}]);
    Reply::json(status, &json!({"fail": fail}))
}

/// What the SIEM calls say about a request that they do not take.
pub(crate) fn request(message: &str) -> Reply {
    let code = "Request Validation Failed";
    let error = json!({"code": code, "message": message});
    Reply::json(400, &json!({"error": error}))
}

/// The token was good once.
pub(crate) fn token_expired() -> Reply {
    flat(401, "token_expired", "The access token has expired")
}

/// The product or the role is missing.
pub(crate) fn app_forbidden() -> Reply {
    let message = "Forbidden to perform the requested operation";
    flat(403, "app_forbidden", message)
}

/// Too many calls; only the message is evidenced. The one answer that carries the headers of the limit.
pub(crate) fn too_many(limit: u32, reset_ms: u64) -> Reply {
    let mut reply = flat(429, "too_many_requests", "Rate limit exceeded");
    reply.set_header("x-ratelimit-limit", &limit.to_string());
    reply.set_header("x-ratelimit-remaining", "0");
    reply.set_header("x-ratelimit-reset", &reset_ms.to_string());
    reply
}

/// The object store's own way.
pub(crate) fn store(status: u16, code: &str, message: &str) -> Reply {
    let mut reply = Reply::text(
        status,
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Error><Code>{code}</Code><Message>{message}</Message><RequestId>5ANDB0X</RequestId></Error>"
        ),
    );
    reply.set_header("content-type", "application/xml");
    reply
}
