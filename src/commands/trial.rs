//! One harmless call for each log, which shows if the account has the permission.

use std::io::{self, Write};

use chrono::{DateTime, TimeDelta, Utc};

use crate::api::endpoints::{self, Call};
use crate::api::{ApiError, Client, NoSink, Sink};
use crate::config::{Api, Siem};
use crate::logs::{ARCHIVES, AUDIT, CLOUD_GATEWAY, CLOUD_INTEGRATED, Kind, Log};

/// The window of the trial call for audit events.
const LOOK_BACK: TimeDelta = TimeDelta::hours(1);

/// Ends a download at its first bytes, because they show that the account has the permission.
struct FirstBytes {
    arrived: bool,
}

impl Write for FirstBytes {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        self.arrived = true;
        Err(io::Error::other("enough"))
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for FirstBytes {
    fn clear(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the logs that the collectors fetch.
pub fn logs(api: Api, siem: &Siem) -> Vec<&'static Log> {
    match api {
        Api::V1 => vec![&ARCHIVES, &AUDIT],
        Api::V2 => {
            let mut logs = vec![&CLOUD_GATEWAY, &CLOUD_INTEGRATED, &AUDIT];
            logs.retain(|log| log.kind != Kind::Objects || !types(siem, log).is_empty());
            logs
        }
    }
}

/// Returns the event types of a log that the configuration selects.
fn types<'a>(siem: &'a Siem, log: &Log) -> &'a [&'static str] {
    match *log == CLOUD_GATEWAY {
        true => &siem.cloud_gateway_types,
        false => &siem.cloud_integrated_types,
    }
}

/// Fetches as little of a log as possible.
///
/// # Errors
/// The refusal, or what kept the answer from arriving.
pub fn fetch(
    client: &Client,
    siem: &Siem,
    log: &'static Log,
    now: DateTime<Utc>,
) -> Result<(), ApiError> {
    let call = Call::Log(log);
    match log.kind {
        Kind::Archives => {
            let mut sink = FirstBytes { arrived: false };
            let body = endpoints::siem(None, siem.format);
            match client.call(call, &body, &mut sink) {
                Err(ApiError::Sink(_)) if sink.arrived => Ok(()),
                other => other.map(drop),
            }
        }
        Kind::Objects => {
            let name = types(siem, log).first().copied().unwrap_or_default();
            let query = endpoints::events(name, now, None);
            client.list(call, &query).map(drop)
        }
        Kind::Windows => {
            let body = endpoints::audit(now - LOOK_BACK, now, 1, None);
            client.call(call, &body, &mut NoSink).map(drop)
        }
    }
}
