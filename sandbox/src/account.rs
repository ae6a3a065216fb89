//! The one customer that the sandbox knows.

use crate::v2::Client;

/// Everything that identifies the made-up customer under API 1.0. All values are invented; the secrets are distinctive, so that a
/// test can search for them where they must not be.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// The address with which the administrator logs in.
    pub email: &'static str,
    /// For the log-in alone.
    pub password: &'static str,
    /// Sent with every call.
    pub app_id: &'static str,
    /// Goes into every signature.
    pub app_key: &'static str,
    /// What the log-in gives: sent with every signed call.
    pub access_key: &'static str,
    /// What the log-in gives: signs, and is never sent.
    pub secret_key: &'static str,
    /// The customer's number.
    pub account_code: &'static str,
}

impl Account {
    /// The values themselves. The password holds a colon, because a log-in header is cut at its first one; the secret
    /// key is standard base64 of 64 bytes with `+` and `/` in it, because URL-safe decoders fail on those.
    pub const SYNTHETIC: Self = Self {
        email: "collector@example.com",
        password: "canary-password:5d41f0c2/Rehearsal",
        app_id: "5a6b7c8d-0000-4000-8000-00000ca9a201",
        app_key: "c0ffee00-1111-4222-8333-0ca9a27ca9a2",
        access_key: "canary-access-key_CY0lWQYoHozAe58bthpFPRC6BG9VBvXEmdGmpO0TNTMgvMrkfKlSHKn815Kyj-0b39yZ01t5nxGxVgkU2G59i13VDf1fdtPKPiqi-j6RMl0PWouc_ELQ",
        secret_key: "48WWbUfVNtlEQJ5v77ypUJktmRs7sc28ocG7vAd7tHXd/RvXvBah9ev1xIvOvQHrE502aFcgT6iQrNtCDBf/hA==",
        account_code: "CUSA00A000",
    };

    /// The texts of both generations that must never appear in an output, a log or a world-readable file.
    pub const fn secrets(&self) -> [&'static str; 5] {
        [
            self.password,
            self.app_key,
            self.access_key,
            self.secret_key,
            Client::SYNTHETIC.client_secret,
        ]
    }
}
