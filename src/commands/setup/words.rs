//! Words a failure for the setup: the preparation step to revisit, and the remedy before the next start.

use std::path::Path;

use super::{PROGRAM, Setup};
use crate::api::ApiError;
use crate::api::answer::Denial;
use crate::config::{self, NEXT_RUN};
use crate::failure::{Code, Failure};
use crate::run::invocation::Invocation;

/// Returns a note about keys that expire within a year.
pub(super) fn expiry_note(lifetime_seconds: Option<u64>) -> Option<String> {
    const YEAR: u64 = 365 * 24 * 3_600;
    let seconds = lifetime_seconds.filter(|seconds| (1..YEAR).contains(seconds))?;
    let life = match (seconds / 86_400, seconds / 3_600) {
        (0, hours) => format!("{hours} hours"),
        (1, _) => "1 day".to_owned(),
        (days, _) => format!("{days} days"),
    };
    Some(format!(
        "the keys will expire in {life}, and collection will stop then. Set the Authentication Cache \
         TTL to \"Never Expires\" (preparation step 4 in docs/prepare-mimecast.md) and run {PROGRAM} again."
    ))
}

/// Names the preparation step that a denial points at.
pub(super) fn with_preparation_step(error: ApiError) -> Failure {
    let ApiError::Denied(denial) = &error else {
        return error.into();
    };
    if matches!(denial, Denial::Clock(_)) {
        return error.into();
    }
    let (step, matter) = match denial {
        Denial::Login => (
            1,
            "user, password, two-step authentication switched off; for a password of your directory use \
             --auth-type domain",
        ),
        Denial::UnknownAddress => (1, "user"),
        Denial::Region => (
            1,
            "user; or the region: omit --base-url, and Mimecast names it",
        ),
        Denial::Permission(_) => (2, "role"),
        Denial::Expired => (4, "authentication profile"),
        Denial::ApplicationId => (7, "application id; a new one works after 30 minutes"),
        Denial::Client | Denial::Token => (3, "client id and secret"),
        Denial::Keys | Denial::Clock(_) => (7, "application key, key pair, or this host's clock"),
    };
    let remedy = format!("check preparation step {step} in docs/prepare-mimecast.md ({matter})");
    Failure::new(Code::Denied, error.to_string(), remedy)
}

/// Replaces the remedy of a collector, whose next run continues, because a setup must be run again.
pub(super) fn with_remedy_of_setup(mut failure: Failure, setup: &Setup) -> Failure {
    let invocation = Invocation::of(&setup.path, &setup.environment);
    let once_more = invocation.completed(&format!("run {PROGRAM} again"));
    failure.remedy = match failure.code {
        Code::Interrupted | Code::Terminated => once_more,
        Code::Later if failure.not_before.is_some() => format!("{once_more} after that time"),
        Code::Later if failure.is_of_certificate() => {
            format!("{}, then {once_more}", trust_the_proxy(setup))
        }
        Code::Later => format!("check network, firewall and proxy, then {once_more}"),
        _ => return invocation.complete(replace_next_run(failure)),
    };
    failure
}

/// Replaces [`NEXT_RUN`] in the remedy, because a setup has no next run.
pub(super) fn replace_next_run(mut failure: Failure) -> Failure {
    let then = format!("; then run {PROGRAM} again");
    failure.remedy = failure.remedy.replace(NEXT_RUN, &then);
    failure
}

/// Returns the remedy for a proxy that inspects TLS: how to trust its certificate.
fn trust_the_proxy(setup: &Setup) -> String {
    let path = setup.path.display();
    let line = config::CA_FILE_LINE;
    let step = if setup.path.exists() {
        format!("name the proxy's certificate under [network] in {path}: {line}")
    } else {
        let has_folder = setup.path.parent().is_some_and(Path::exists);
        let folder = if has_folder { "" } else { " (and its folder)" };
        format!("create {path}{folder} with two lines, [network] and {line}")
    };
    format!("if a proxy inspects TLS here, {step}")
}
