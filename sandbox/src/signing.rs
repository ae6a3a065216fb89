//! The sandbox's own reading of the signing rule: what a signature has to be, composed without the product's code.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// The signature of one call over the header texts exactly as they were sent; `None` when the secret is not base64.
///
/// The body is not part of it: that is the vendor's rule, not an omission.
pub(crate) fn signature(
    secret_key: &str,
    date: &str,
    request_id: &str,
    path: &str,
    app_key: &str,
) -> Option<String> {
    let secret = STANDARD.decode(secret_key).ok()?;
    let mut mac = Hmac::<Sha1>::new_from_slice(&secret).ok()?;
    for part in [date, ":", request_id, ":", path, ":", app_key] {
        mac.update(part.as_bytes());
    }
    Some(STANDARD.encode(mac.finalize().into_bytes()))
}
