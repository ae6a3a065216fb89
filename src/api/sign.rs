//! Signatures of API 1.0, as a pure function of keys, date, request id and path.
//!
//! `Authorization: MC <access key>:<base64(HMAC-SHA1(secret key, "date:id:path:application key"))>`
//! (<https://integrations.mimecast.com/documentation/api-overview/authorization/>).
//!
//! The signature does not cover the body. Each attempt gets a new date and id, so that no signature
//! is valid for two requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha1::Sha1;
use uuid::Uuid;

use crate::credentials::Credentials;

/// The header values of one signed attempt.
#[derive(Debug)]
pub(crate) struct Signed {
    /// `x-mc-date`.
    pub(crate) date: String,
    /// `x-mc-req-id`.
    pub(crate) request_id: String,
    /// `Authorization`.
    pub(crate) authorization: SecretString,
}

/// Signs one attempt. `path` contains neither host nor query.
pub(crate) fn sign(keys: &Credentials, now: DateTime<Utc>, id: Uuid, path: &str) -> Signed {
    let (date, request_id) = (date(now), id.hyphenated().to_string());
    let text = text_to_sign(&date, &request_id, path, keys.app_key().expose_secret());
    let signature = signature(keys.secret_key().expose_secret(), &text);
    let authorization = format!("MC {}:{signature}", keys.access_key().expose_secret());
    Signed {
        date,
        request_id,
        authorization: authorization.into(),
    }
}

/// Returns a date in the vendor's form: English names, two-digit day, `UTC` at the end.
pub(crate) fn date(now: DateTime<Utc>) -> String {
    now.format("%a, %d %b %Y %H:%M:%S UTC").to_string()
}

fn text_to_sign(date: &str, request_id: &str, path: &str, app_key: &str) -> String {
    format!("{date}:{request_id}:{path}:{app_key}")
}

fn signature(secret_key: &[u8], text: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret_key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bytes 0 to 63 are the secret key. Two other implementations computed the signatures.
    const DATE: &str = "Tue, 24 Nov 2015 12:50:11 UTC";
    const ID: &str = "8578FCFC-A305-4D9A-99CB-F4D5ECEFE297";
    const APP_KEY: &str = "00000000-1111-2222-3333-444444444444";

    #[test]
    fn the_published_vector_is_met_at_every_stage() {
        let text = text_to_sign(
            "Sun, 21 Aug 2022 13:49:40 UTC",
            "3d796b76-4180-40e5-8f7c-6e0fd643b1a9",
            "/api/test/some-url",
            "ApplicationKey",
        );
        assert_eq!(
            text,
            "Sun, 21 Aug 2022 13:49:40 UTC:3d796b76-4180-40e5-8f7c-6e0fd643b1a9:\
             /api/test/some-url:ApplicationKey"
        );
        assert_eq!(
            signature(b"SecretKey", &text),
            "WOywLsnZlsE+D6bp/ug6uch5kxc="
        );

        let keys = Credentials::new(
            &"ApplicationKey".into(),
            &"AccessKey".into(),
            &"U2VjcmV0S2V5".into(),
        )
        .unwrap();
        let now = DateTime::from_timestamp(1_661_089_780, 0).unwrap();
        let id = Uuid::parse_str("3d796b76-4180-40e5-8f7c-6e0fd643b1a9").unwrap();
        let signed = sign(&keys, now, id, "/api/test/some-url");
        assert_eq!(signed.date, "Sun, 21 Aug 2022 13:49:40 UTC");
        assert_eq!(signed.request_id, "3d796b76-4180-40e5-8f7c-6e0fd643b1a9");
        assert_eq!(
            signed.authorization.expose_secret(),
            "MC AccessKey:WOywLsnZlsE+D6bp/ug6uch5kxc="
        );
    }

    #[test]
    fn other_implementations_agree_on_every_path() {
        let secret: Vec<u8> = (0..64).collect();
        let lower = ID.to_lowercase();
        let siem = "/api/audit/get-siem-logs";
        let gmt = DATE.replace("UTC", "GMT");
        for (date, id, path, expected) in [
            (DATE, ID, siem, "/ZbGdJpZ1zDjQ/RGzLntpg5jzUQ="),
            (
                DATE,
                ID,
                "/api/audit/get-audit-events",
                "obC+r1uQkIzNVGXE0w+K9ljdsgM=",
            ),
            (
                DATE,
                ID,
                "/api/account/get-account",
                "DC0xIkXslxzj1kEK49lICpMl0k8=",
            ),
            (DATE, &lower, siem, "V61+FgACm87zP09+ZPQ8TZPuSL0="),
            (&gmt, ID, siem, "GDnCqDc3kAvy6PbKzc8eCNwScTk="),
        ] {
            let text = text_to_sign(date, id, path, APP_KEY);
            assert_eq!(signature(&secret, &text), expected, "{date} {id} {path}");
        }
    }

    proptest! {
        #[test]
        fn signing_never_panics(secret in prop::collection::vec(any::<u8>(), 0..200), text in ".*") {
            prop_assert_eq!(signature(&secret, &text).len(), 28);
        }
    }
}
