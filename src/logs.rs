//! The catalog of logs, and the names of the folders that hold events.
//!
//! A further log is a row here and a place in `PUBLISHED` if it has a folder of its own. Its [`Kind`] decides
//! which source fetches it (`siem::archives`, `siem::objects`, `windowed`). `commands::collect` opens its
//! stream, and `commands::setup::permissions` tries its call.
//!
//! A further event type is only a name in `types`, which `config.example.toml` and `docs/settings.md` list.
//!
//! A further log of the kind [`Kind::Windows`] needs more: `windowed` names [`AUDIT`] and would have to take the
//! log instead; its settings belong into `config` and `config.example.toml`, and its body into `api::endpoints`.
//!
//! Vendor pages: <https://integrations.mimecast.com/documentation/endpoint-reference/> and
//! <https://developer.services.mimecast.com/>.

use chrono::TimeDelta;

/// The folder of files that are not published yet, below the data folder. No agent may read it.
pub const STAGING: &str = "tmp";
/// The folder of gateway logs of either API generation, below the data folder.
pub const GATEWAY_FOLDER: &str = "mta";
/// The folder of audit events, below the data folder.
pub const AUDIT_FOLDER: &str = "audit";
/// The folders below the data folder that an agent reads.
pub const PUBLISHED: [&str; 2] = [GATEWAY_FOLDER, AUDIT_FOLDER];
/// The folder of files that wait for a destination, below the data folder, with a folder for each.
pub const OUTBOX: &str = "outbox";
/// The folder of bytes that are not readable as events, below the state folder.
pub const QUARANTINE: &str = "quarantine";
/// The folder of the ledger, below the state folder.
pub const HISTORY: &str = "history";

/// A log that Mimecast provides.
#[derive(Debug, PartialEq, Eq)]
pub struct Log {
    /// The name of its stream. With several event types, the beginning of their names.
    pub name: &'static str,
    /// How it is fetched.
    pub kind: Kind,
    /// The path of its call, which API 1.0 also signs.
    pub path: &'static str,
    /// The permission that the call needs, in the words of the administration console.
    pub permission: &'static str,
    /// API 2.0: the product that the application must have. It cannot be added later.
    pub product: Option<&'static str>,
    /// API 2.0: its event types, in the vendor's spelling.
    pub types: &'static [&'static str],
    /// The time for which Mimecast keeps its events.
    pub kept: TimeDelta,
}

/// How a log is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// API 1.0: one archive after another, each with the token of the next.
    Archives,
    /// API 2.0: pages with addresses of objects, for each event type.
    Objects,
    /// Pages of events between two times.
    Windows,
}

/// Gateway logs of API 1.0.
pub static ARCHIVES: Log = Log {
    name: "siem",
    kind: Kind::Archives,
    path: "/api/audit/get-siem-logs",
    permission: "Gateway | Tracking | Read",
    product: None,
    types: &[],
    kept: TimeDelta::days(7),
};

/// Events of Cloud Gateway, API 2.0.
pub static CLOUD_GATEWAY: Log = Log {
    name: "cg",
    kind: Kind::Objects,
    path: "/siem/v1/batch/events/cg",
    permission: "Threat and Security Events (SIEM) | Read",
    product: Some("product Threats, Security Events and Data for CG"),
    types: &[
        "receipt",
        "process",
        "delivery",
        "journal",
        "av",
        "spam",
        "attachment protect",
        "impersonation protect",
        "internal email protect",
        "url protect",
    ],
    kept: TimeDelta::days(7),
};

/// Events of Cloud Integrated, API 2.0.
pub static CLOUD_INTEGRATED: Log = Log {
    name: "ci",
    kind: Kind::Objects,
    path: "/siem/v1/batch/events/ci",
    permission: "Threat and Security Events (SIEM) | Read",
    product: Some("product Threats, Security Events and Data for CI"),
    types: &["entities", "mailflow", "urlclick"],
    kept: TimeDelta::days(7),
};

/// Audit events, by the same call in both API generations.
pub static AUDIT: Log = Log {
    name: "audit",
    kind: Kind::Windows,
    path: "/api/audit/get-audit-events",
    permission: "Account | Logs | Read",
    product: None,
    types: &[],
    kept: TimeDelta::days(60),
};
