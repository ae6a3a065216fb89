//! Checks the permissions of the collectors with one harmless call for each log.

use std::env::consts::EXE_SUFFIX;
use std::io::{self, Write};
use std::path::PathBuf;

use chrono::TimeDelta;

use super::{Connected, Secrets, Setup, with_preparation_step};
use crate::api::answer::Denial;
use crate::api::endpoints::{self, Call};
use crate::api::{ApiError, NoSink, Sink};
use crate::config::guard::shell_word;
use crate::failure::{Code, Failure};
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

/// Makes a call for each log that the collectors will fetch. Prints each permission by its name in
/// Mimecast's console.
pub(super) fn check_permissions(setup: &Setup, connected: &Connected) -> Result<(), Failure> {
    let (mut missing, mut other) = (Vec::new(), None);
    setup.output.say("Permissions:");
    for log in logs(setup, connected) {
        let found = try_log(connected, setup, log);
        let verdict = match &found {
            Ok(()) => "ok",
            Err(ApiError::Denied(Denial::Permission(_))) => "missing",
            Err(_) => "not checked",
        };
        let product = log.product.map(|product| format!(" ({product})"));
        let product = product.unwrap_or_default();
        let name = log.permission;
        setup
            .output
            .say(&format!("  {name:<27} {verdict}{product}"));
        match found {
            Err(ApiError::Denied(Denial::Permission(name))) => missing.push(format!("\"{name}\"")),
            found => other = other.or(found.err()),
        }
    }
    match (&missing[..], other) {
        ([], None) => Ok(()),
        ([], Some(error)) => Err(with_preparation_step(error)),
        _ => {
            let what = format!("the account lacks {}", missing.join(" and "));
            let remedy = "check preparation step 2 in docs/prepare-mimecast.md (role, products); \
                          the configuration is saved";
            Err(Failure::new(Code::Denied, what, remedy))
        }
    }
}

/// Returns the logs that the collectors will fetch.
fn logs(setup: &Setup, connected: &Connected) -> Vec<&'static Log> {
    match connected.secrets {
        Secrets::Keys(_) => vec![&ARCHIVES, &AUDIT],
        Secrets::Client(_) => {
            let mut logs = vec![&CLOUD_GATEWAY, &CLOUD_INTEGRATED, &AUDIT];
            logs.retain(|log| log.kind != Kind::Objects || !types(setup, log).is_empty());
            logs
        }
    }
}

/// Returns the event types of a log that the configuration selects.
fn types<'a>(setup: &'a Setup, log: &Log) -> &'a [&'static str] {
    match *log == CLOUD_GATEWAY {
        true => &setup.config.siem.cloud_gateway_types,
        false => &setup.config.siem.cloud_integrated_types,
    }
}

/// Fetches as little of a log as possible.
fn try_log(connected: &Connected, setup: &Setup, log: &'static Log) -> Result<(), ApiError> {
    let now = setup.clock.present().earliest;
    let (client, call) = (&connected.client, Call::Log(log));
    match log.kind {
        Kind::Archives => {
            let mut sink = FirstBytes { arrived: false };
            let body = endpoints::siem(None, setup.config.siem.format);
            match client.call(call, &body, &mut sink) {
                Err(ApiError::Sink(_)) if sink.arrived => Ok(()),
                other => other.map(drop),
            }
        }
        Kind::Objects => {
            let name = types(setup, log).first().copied().unwrap_or_default();
            let query = endpoints::events(name, now, None);
            client.list(call, &query).map(drop)
        }
        Kind::Windows => {
            let body = endpoints::audit(now - LOOK_BACK, now, 1, None);
            client.call(call, &body, &mut NoSink).map(drop)
        }
    }
}

/// Prints the commands of the collectors, ready to copy.
pub(super) fn next_steps(setup: &Setup) {
    let executable = setup.environment.executable.as_deref();
    let command = |program: &str| {
        let program = executable.map_or_else(
            || PathBuf::from(program),
            |own| own.with_file_name(format!("{program}{EXE_SUFFIX}")),
        );
        format!(
            "  {} --config {}",
            shell_word(&program),
            shell_word(&setup.path)
        )
    };
    setup.output.say(&format!(
        "\nNext, then every 30 minutes (docs/schedule-linux.md, docs/schedule-windows.md):\n{}\n{}\n\
         The first logs can take 30 minutes to appear after enhanced logging was switched on.",
        command("siem_collection"),
        command("audit_collection"),
    ));
}
