//! Checks the permissions of the collectors with one harmless call for each log.

use super::{Connected, Secrets, Setup, with_preparation_step};
use crate::api::ApiError;
use crate::api::answer::Denial;
use crate::commands::trial;
use crate::config::Api;
use crate::failure::{Code, Failure};
use crate::run::invocation::Invocation;

/// The least width of the column of names.
const NARROWEST: usize = 27;

/// Makes a call for each log that the collectors will fetch. Prints each permission by its name in
/// Mimecast's console.
pub(super) fn check_permissions(setup: &Setup, connected: &Connected) -> Result<(), Failure> {
    let (mut missing, mut other) = (Vec::new(), None);
    setup.output.say("Permissions:");
    let api = match connected.secrets {
        Secrets::Keys(_) => Api::V1,
        Secrets::Client(_) => Api::V2,
    };
    let (siem, now) = (&setup.config.siem, setup.clock.present().earliest);
    let logs = trial::logs(api, siem);
    let longest = logs.iter().map(|log| log.permission.len()).max();
    let width = longest.unwrap_or_default().max(NARROWEST);
    for log in logs {
        let found = trial::fetch(&connected.client, siem, log, now);
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
            .say(&format!("  {name:<width$} {verdict}{product}"));
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

/// Prints the commands of the collectors, ready to copy.
pub(super) fn next_steps(setup: &Setup) {
    let invocation = Invocation::of(&setup.path, &setup.environment);
    let command = |program: &str| setup.output.say_command(&invocation.words(program));
    setup
        .output
        .say("\nNext, then every 30 minutes (docs/schedule-linux.md, docs/schedule-windows.md):");
    command("siem_collection");
    command("audit_collection");
    setup
        .output
        .say("After enhanced logging is switched on, the first logs can take 30 minutes.");
}
