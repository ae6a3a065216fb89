//! The second half of a run: delivers what was collected, now and earlier, to the destinations.

use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::delivery::{self, Outcome, Setting};
use crate::durable::{Disk, SystemDisk};
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::run::invocation::Invocation;
use crate::run::output::Output;
use crate::run::process;

/// The deliveries of a run whose warnings are not told yet.
#[derive(Default)]
pub struct Deliveries(Vec<Outcome>);

impl Deliveries {
    /// Delivers, unless a signal has ended the run. `collected` is the outcome of the collection, and `whole` its
    /// time budget. Adds what happened to the report.
    ///
    /// # Errors
    /// The most urgent failure of collection and deliveries.
    pub fn run(
        &mut self,
        (config, environment): (&Config, &Environment),
        (clock, whole): (&Clock, Duration),
        report: &mut Report,
        collected: Result<(), Failure>,
    ) -> Result<(), Failure> {
        let is_stopped = |failure: &Failure| failure.is_stop() && !failure.is_out_of_time();
        if config.destinations.is_empty() || collected.as_ref().is_err_and(is_stopped) {
            return collected;
        }
        let budget = delivery::budget(whole, clock.elapsed());
        let clock = clock.clone().with_budget(budget);
        let host = process::host_name();
        self.0 = delivery::deliver(Setting {
            config,
            environment,
            clock: &clock,
            host: &host,
            disk: &(Arc::new(SystemDisk) as Arc<dyn Disk>),
        });
        let mut failures: Vec<Failure> = collected.err().into_iter().collect();
        for outcome in &mut self.0 {
            report.warnings.append(&mut outcome.warnings);
            report
                .destinations
                .insert(outcome.name.clone(), outcome.delivered);
            failures.extend(outcome.failure.take());
        }
        let worst = failures.iter().map(|failure| failure.code.urgency()).min();
        let Some(place) = failures
            .iter()
            .position(|failure| Some(failure.code.urgency()) == worst)
        else {
            return Ok(());
        };
        let worst = failures.swap_remove(place);
        for other in failures {
            warn!(error = other.what, "another failure of the run");
            report.notes.push(other.what);
        }
        Err(worst)
    }

    /// Deletes the warnings from the records. Call it once they have been told.
    pub fn forget(&mut self) {
        for outcome in &mut self.0 {
            outcome.forget();
        }
    }
}

/// Returns a remark about each outbox whose destination is not configured.
pub fn abandoned(config: &Config) -> Vec<String> {
    let abandoned = delivery::abandoned(config);
    abandoned
        .into_iter()
        .map(|(name, files)| {
            format!(
                "{files} files wait for the destination {name}, which is not configured: configure it \
                 again, or delete them with --drop-outbox {name}"
            )
        })
        .collect()
}

/// Deletes the files that wait for a destination, and tells their number.
///
/// # Errors
/// The outbox does not exist, another run delivers, or the disk refuses.
pub fn drop_outbox(
    invocation: &Invocation,
    config: &Config,
    name: &str,
    output: &Output,
) -> Result<Code, Failure> {
    invocation.refuse_root(output.program())?;
    let dropped = delivery::drop_outbox(config, name)?;
    let files = dropped.ok_or_else(|| {
        let what = format!("the destination {name} has no outbox");
        Failure::new(Code::Usage, what, "name one that `status` lists")
    })?;
    let document = serde_json::json!({"schema": 1, "destination": name, "dropped": files});
    output.show(&document, || {
        format!("deleted {files} files that waited for {name}\n")
    });
    Ok(Code::Done)
}
