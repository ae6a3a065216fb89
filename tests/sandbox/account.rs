//! The one customer that the sandbox knows.

use super::v2::Client;

/// Everything that identifies the made-up customer under API 1.0. All values are invented; the secrets are distinctive, so that a
/// test can search for them where they must not be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) email: &'static str,
    pub(crate) password: &'static str,
    pub(crate) app_id: &'static str,
    pub(crate) app_key: &'static str,
    pub(crate) access_key: &'static str,
    pub(crate) secret_key: &'static str,
    pub(crate) account_code: &'static str,
}

impl Account {
    /// The values themselves. The password holds a colon, because a log-in header is cut at its first one; the secret
    /// key is standard base64 of 64 bytes with `+` and `/` in it, because URL-safe decoders fail on those.
    pub(crate) const SYNTHETIC: Self = Self {
        email: "collector@example.com",
        password: "canary-password:5d41f0c2/Rehearsal",
        app_id: "5a6b7c8d-0000-4000-8000-00000ca9a201",
        app_key: "c0ffee00-1111-4222-8333-0ca9a27ca9a2",
        access_key: "canary-access-key_CY0lWQYoHozAe58bthpFPRC6BG9VBvXEmdGmpO0TNTMgvMrkfKlSHKn815Kyj-0b39yZ01t5nxGxVgkU2G59i13VDf1fdtPKPiqi-j6RMl0PWouc_ELQ",
        secret_key: "48WWbUfVNtlEQJ5v77ypUJktmRs7sc28ocG7vAd7tHXd/RvXvBah9ev1xIvOvQHrE502aFcgT6iQrNtCDBf/hA==",
        account_code: "CUSA00A000",
    };

    /// The texts of both generations that must never appear in an output, a log or a world-readable file.
    pub(crate) const fn secrets(&self) -> [&'static str; 5] {
        [
            self.password,
            self.app_key,
            self.access_key,
            self.secret_key,
            Client::SYNTHETIC.client_secret,
        ]
    }
}
