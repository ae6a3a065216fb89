//! One harmless call for each log, which shows if the account has the permission.

use std::io::{self, Write};

use chrono::{DateTime, TimeDelta, Utc};

use crate::api::endpoints::{self, Call};
use crate::api::objects::{Address, Objects};
use crate::api::{ApiError, Client, NoSink, Sink};
use crate::config::{Api, Siem};
use crate::logs::{ARCHIVES, AUDIT, CLOUD_GATEWAY, CLOUD_INTEGRATED, Kind, Log};
use crate::siem::objects::page::{Entry, Page};

/// The window of the trial call for audit events.
const LOOK_BACK: TimeDelta = TimeDelta::hours(1);
/// The number of event types whose lists are searched for an object.
const LISTS: usize = 4;

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

/// Returns the address of an object that a list of the last day names. Asks for the first types only, because Mimecast
/// limits the calls.
///
/// # Errors
/// The refusal, or what kept the answer from arriving.
pub fn first_address(
    client: &Client,
    siem: &Siem,
    now: DateTime<Utc>,
) -> Result<Option<String>, ApiError> {
    let of = |log: &'static Log| types(siem, log).iter().map(move |name| (log, *name));
    let types = of(&CLOUD_GATEWAY).chain(of(&CLOUD_INTEGRATED));
    for (log, name) in types.take(LISTS) {
        let query = endpoints::events(name, now - TimeDelta::days(1), None);
        let text = client.list(Call::Log(log), &query)?;
        let page = Page::read(&text).map_err(ApiError::NotUnderstood)?;
        let address = page.items.into_iter().find_map(|entry| match entry {
            Entry::Good(address) => Some(address.into_string()),
            Entry::Bad(_) => None,
        });
        if address.is_some() {
            return Ok(address);
        }
    }
    Ok(None)
}

/// Fetches the first bytes of an object.
///
/// # Errors
/// What kept them from arriving.
pub fn fetch_object(objects: &Objects, address: &Address) -> Result<(), ApiError> {
    let mut sink = FirstBytes { arrived: false };
    match objects.fetch(address, &mut sink) {
        Err(ApiError::Sink(_)) if sink.arrived => Ok(()),
        other => other,
    }
}
