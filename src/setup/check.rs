//! Whether the collectors will be let in: one harmless call for each, now and not at night.

use std::io::{self, Write};

use chrono::TimeDelta;
use serde_json::Value;

use super::{Connected, Setup, revisit};
use crate::api::endpoints::{self, Call};
use crate::api::{ApiError, NoSink, Sink};

/// How far back the trial looks.
const LOOK_BACK: TimeDelta = TimeDelta::hours(1);

/// Takes the first bytes of an archive for a permission and no more of it.
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

/// Tries both collector calls and reports each permission by its name in the console.
pub(super) fn permissions(setup: &Setup, connected: &Connected) -> anyhow::Result<()> {
    let mut first = None;
    for call in [Call::Siem, Call::Audit] {
        let name = call.permission().unwrap_or_default();
        let found = try_call(connected, setup, call);
        let verdict = match &found {
            Ok(()) => "ok",
            Err(ApiError::Denied(_)) => "missing",
            Err(_) => "not checked",
        };
        setup.speaker.say(&format!("  {name:<27} {verdict}"));
        first = first.or(found.err());
    }
    first.map_or(Ok(()), |error| Err(revisit(error)))
}

fn try_call(connected: &Connected, setup: &Setup, call: Call) -> Result<(), ApiError> {
    let now = connected.client.now();
    let mut sink = FirstBytes { arrived: false };
    let body: Value = match call {
        Call::Siem => endpoints::siem(None, setup.config.siem.format),
        _ => endpoints::audit(now - LOOK_BACK, now, 1, None),
    };
    let answer = match call {
        Call::Siem => connected.client.call(call, &body, &mut sink),
        _ => connected.client.call(call, &body, &mut NoSink),
    };
    match answer {
        Err(ApiError::Sink(_)) if sink.arrived => Ok(()),
        other => other.map(drop),
    }
}

/// The commands to go on with.
pub(super) fn next_steps(setup: &Setup) {
    let folder = setup
        .environment
        .executable
        .as_deref()
        .and_then(std::path::Path::parent);
    let folder = folder
        .map(|folder| folder.display().to_string())
        .unwrap_or_default();
    let config = setup.path.display();
    setup.speaker.say(&format!(
        "\nNext, and then every 30 minutes (README: cron, systemd, Task Scheduler):\n  \
         {folder}/siem_collection --config {config}\n  \
         {folder}/audit_collection --config {config}\n\
         The first logs can take 30 minutes to appear after enhanced logging was switched on."
    ));
}
