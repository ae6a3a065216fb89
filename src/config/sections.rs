//! The sections of the file as types. Every value is in range.

use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Url;
use secrecy::SecretString;

use super::{BaseUrl, PrivateStores};
use crate::durable::Mode;

/// `[mimecast]`: the account and its host.
#[derive(Clone, Debug)]
pub struct Mimecast {
    /// The API generation.
    pub api: Api,
    /// The host of the region.
    pub base_url: BaseUrl,
    /// The account whose events are collected; empty before setup.
    pub account_code: String,
    /// The administrator that setup logged in; for information only.
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
    /// API 2.0: a token that expires, and one host for all regions.
    V2,
}

/// `[folders]`: folders and permissions. A relative path starts at the folder of the configuration file.
#[derive(Clone, Debug)]
pub struct Folders {
    /// The data folder, which the agent reads.
    pub data: PathBuf,
    /// The state folder: positions, locks, quarantine.
    pub state: PathBuf,
    /// The folder of the collector's own log.
    pub log: PathBuf,
    /// Permissions of published files.
    pub file_mode: Mode,
    /// Permissions of the folders that hold them.
    pub folder_mode: Mode,
}

/// `[siem]`: the e-mail logs.
#[derive(Clone, Debug)]
pub struct Siem {
    /// The format of a line under API 1.0. API 2.0 has JSON only.
    pub format: Format,
    /// API 2.0: the event types of Cloud Gateway to collect, in Mimecast's spelling.
    pub cloud_gateway_types: Vec<&'static str>,
    /// API 2.0: the event types of Cloud Integrated to collect.
    pub cloud_integrated_types: Vec<&'static str>,
    /// API 2.0: the switch for `eventType` and `subType` in each line.
    pub aliases: Aliases,
}

/// The switch for the member names that the published Sumo Logic app expects in lines of API 2.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aliases {
    /// Mimecast's bytes stay unchanged.
    Off,
    /// Each line gets `eventType` and `subType` at its end.
    On,
}

/// `[audit]`: the audit events.
#[derive(Clone, Copy, Debug)]
pub struct Audit {
    /// The format of a line.
    pub format: Format,
    /// The overlap of each window with the one before.
    pub overlap: Duration,
    /// The time between the beginning of the very first window and now.
    pub first_look_back: Duration,
}

/// The format of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `key=value` pairs between bars, as published dashboards expect.
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
    /// Answers that the collector could not read.
    pub quarantine: Duration,
}

/// `[run]`: the limits of a run.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// The time after which a run stops at the next safe point.
    pub budget: Duration,
    /// The time for which the first request is repeated if nobody answers.
    pub retry_for: Duration,
    /// The time without a success after which an outage is urgent.
    pub alarm_after: TimeDelta,
    /// The lowest level that the log holds.
    pub log_level: tracing::Level,
}

/// `[monitor]`: files and calls that show how the collectors are doing.
#[derive(Clone, Debug)]
pub struct Monitor {
    /// The metrics of both collectors.
    pub metrics_file: Option<PathBuf>,
    /// The page about both collectors.
    pub report: Option<PathBuf>,
    /// The check that each run of `siem_collection` calls.
    pub ping_url_siem: Option<Url>,
    /// The check that each run of `audit_collection` calls.
    pub ping_url_audit: Option<Url>,
}

/// `[network]`: the way to Mimecast.
#[derive(Clone, Debug)]
pub struct Network {
    /// The proxy for requests.
    pub proxy: Proxy,
    /// A PEM file of certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Object stores that may have a private address.
    pub private_stores: PrivateStores,
    /// The time limit of a connection attempt.
    pub connect_timeout: Duration,
    /// The time without a byte after which a connection counts as dead.
    pub idle_timeout: Duration,
    /// The time limit of one request with its whole answer.
    pub request_timeout: Duration,
    /// The number of repetitions of a failed request.
    pub retries: u32,
    /// The wait before the first repetition. It doubles each time.
    pub retry_wait: Duration,
}

/// The proxy for requests.
#[derive(Clone, Debug)]
pub enum Proxy {
    /// The proxy of the environment or of the operating system, if there is one.
    System,
    /// No proxy, even if the environment or the system names one.
    None,
    /// The proxy at this URL, which may hold a password.
    Url(SecretString),
}

impl Api {
    pub(super) const NAMES: &[(&str, Self)] = &[("1.0", Self::V1), ("2.0", Self::V2)];

    /// Returns the name of the generation in the file.
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
