//! Whether the collectors will be let in: one harmless call for each, now and not at night.

use std::env::consts::EXE_SUFFIX;
use std::io::{self, Write};
use std::path::PathBuf;

use chrono::TimeDelta;
use serde_json::Value;

use super::{Connected, Secrets, Setup, revisit};
use crate::api::answer::Denial;
use crate::api::endpoints::{self, Call};
use crate::api::{ApiError, NoSink, Sink};
use crate::config::guard::shell_word;
use crate::failure::{Code, Failure};

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
    let (mut missing, mut other) = (Vec::new(), None);
    setup.output.say("Permissions:");
    for call in calls(setup, connected) {
        let name = call.permission().unwrap_or_default();
        let found = try_call(connected, setup, call);
        let verdict = match &found {
            Ok(()) => "ok",
            Err(ApiError::Denied(Denial::Permission(_))) => "missing",
            Err(_) => "not checked",
        };
        let product = call.product().map(|product| format!(" ({product})"));
        let product = product.unwrap_or_default();
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
        ([], Some(error)) => Err(revisit(error)),
        _ => {
            let what = format!("the account lacks {}", missing.join(" and "));
            let remedy = "check preparation step 2 in docs/prepare-mimecast.md (role, products); the configuration is saved";
            Err(Failure::new(Code::Denied, what, remedy).into())
        }
    }
}

/// The calls that the collectors will make.
fn calls(setup: &Setup, connected: &Connected) -> Vec<Call> {
    match connected.secrets {
        Secrets::Keys(_) => vec![Call::Siem, Call::Audit],
        Secrets::Client(_) => {
            let siem = &setup.config.siem;
            let gateway = (!siem.cloud_gateway_types.is_empty()).then_some(Call::CloudGateway);
            let integrated =
                (!siem.cloud_integrated_types.is_empty()).then_some(Call::CloudIntegrated);
            gateway
                .into_iter()
                .chain(integrated)
                .chain([Call::Audit])
                .collect()
        }
    }
}

fn try_call(connected: &Connected, setup: &Setup, call: Call) -> Result<(), ApiError> {
    let now = setup.clock.present().earliest;
    let siem = &setup.config.siem;
    let kinds = match call {
        Call::CloudGateway => &siem.cloud_gateway_types,
        _ => &siem.cloud_integrated_types,
    };
    if let (true, Some(kind)) = (call.is_list(), kinds.first()) {
        return connected
            .client
            .list(call, &endpoints::events(kind, now, None))
            .map(drop);
    }
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

/// The commands to go on with, to be copied as they are.
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
