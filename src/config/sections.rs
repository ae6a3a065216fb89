//! The sections of the file, typed; every value is in range.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::{BaseUrl, PrivateStores};
use crate::durable::Mode;

/// `[mimecast]`: whom to ask.
#[derive(Clone, Debug)]
pub struct Mimecast {
    /// The API generation.
    pub api: Api,
    /// The region's host.
    pub base_url: BaseUrl,
    /// The account whose events are collected; empty before setup.
    pub account_code: String,
    /// Whom setup logged in; information only.
    pub email: String,
    /// The registered application of API 1.0; empty before setup.
    pub app_id: String,
    /// The registered application of API 2.0; empty before setup.
    pub client_id: String,
}

/// Generations of Mimecast's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// API 1.0: signed requests to a regional host.
    V1,
    /// API 2.0: a token for a while, one host for all regions.
    V2,
}

/// `[folders]`: where things are kept; every path is absolute when the file's is.
#[derive(Clone, Debug)]
pub struct Folders {
    /// Where the agent reads.
    pub data: PathBuf,
    /// Bookmarks, locks, quarantine.
    pub state: PathBuf,
    /// The collector's own log.
    pub log: PathBuf,
    /// Permissions of published files.
    pub file_mode: Mode,
    /// Permissions of the folders that hold them.
    pub folder_mode: Mode,
}

/// `[siem]`: e-mail logs.
#[derive(Clone, Debug)]
pub struct Siem {
    /// How a line is written under API 1.0; API 2.0 knows JSON alone.
    pub format: Format,
    /// API 2.0: the event types of Cloud Gateway to collect, as the vendor spells them.
    pub cloud_gateway_types: Vec<&'static str>,
    /// API 2.0: the event types of Cloud Integrated to collect.
    pub cloud_integrated_types: Vec<&'static str>,
    /// API 2.0: whether each line also gets `eventType` and `subType`.
    pub aliases: Aliases,
}

/// Whether lines of API 2.0 get the names that the published Sumo Logic app expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aliases {
    /// The vendor's bytes, unchanged.
    Off,
    /// `eventType` and `subType` are added at the end.
    On,
}

/// `[audit]`: audit events.
#[derive(Clone, Copy, Debug)]
pub struct Audit {
    /// How a line is written.
    pub format: Format,
    /// How far each window reaches back into the one before.
    pub overlap: Duration,
    /// Where the very first window begins, before now.
    pub first_look_back: Duration,
}

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `key=value` pairs between bars, which published dashboards expect.
    KeyValue,
    /// One JSON object.
    Json,
}

/// `[retention]`: the age at which files are deleted.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Published files.
    pub data: Duration,
    /// The collector's own logs.
    pub log: Duration,
    /// Answers that could not be read.
    pub quarantine: Duration,
}

/// `[run]`: the frame of a run.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// The time after which a run stops in good order.
    pub budget: Duration,
    /// What the log holds.
    pub log_level: tracing::Level,
}

/// `[network]`: how Mimecast is reached.
#[derive(Clone, Debug)]
pub struct Network {
    /// Through whom.
    pub proxy: Proxy,
    /// PEM file of certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Object stores that may have a private address.
    pub private_stores: PrivateStores,
    /// Time to reach the host.
    pub connect_timeout: Duration,
    /// Time without a byte after which a connection counts as dead.
    pub idle_timeout: Duration,
    /// Time for one request with its whole answer.
    pub request_timeout: Duration,
    /// How often a failed request is repeated.
    pub retries: u32,
    /// The wait before the first repetition, doubled each time.
    pub retry_wait: Duration,
}

/// Through whom requests go.
#[derive(Clone, Debug)]
pub enum Proxy {
    /// As the environment and the operating system say.
    System,
    /// Nobody, whatever those say.
    None,
    /// This one; the URL may hold a password.
    Url(SecretString),
}

impl Api {
    pub(super) const NAMES: &[(&str, Self)] = &[("1.0", Self::V1), ("2.0", Self::V2)];

    /// As the file calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "1.0",
            Self::V2 => "2.0",
        }
    }
}

impl Aliases {
    pub(super) const NAMES: &[(&str, Self)] = &[("off", Self::Off), ("on", Self::On)];
}

impl Format {
    pub(super) const NAMES: &[(&str, Self)] =
        &[("key_value", Self::KeyValue), ("json", Self::Json)];
}
