//! `resend`: delivers published files again, on purpose.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;

use super::deliver::Deliveries;
use super::replay::utc_time;
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::delivery;
use crate::durable::SystemDisk;
use crate::event_time::TimeRange;
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::run::invocation::Invocation;
use crate::run::output::Output;

/// The destination and the range.
#[derive(Args, Clone, Debug)]
pub struct Flags {
    /// The name of the destination
    #[arg(value_name = "NAME")]
    name: String,
    /// The time of the first events, in UTC: 2026-11-20 or 2026-11-20T16:30Z
    #[arg(long, value_name = "TIME", value_parser = utc_time)]
    from: DateTime<Utc>,
    /// The time of the last events, in UTC
    #[arg(long, value_name = "TIME", value_parser = utc_time)]
    to: DateTime<Utc>,
}

/// The document of `--json`.
#[derive(Serialize)]
struct Resent<'a> {
    schema: u32,
    destination: &'a str,
    /// Files that were put into the outbox.
    queued: u64,
    /// Files that still wait.
    waiting: u64,
    /// Events that were confirmed, with those that waited before.
    events: u64,
}

/// Puts the published files with an event of the range into the outbox, and delivers.
///
/// # Errors
/// The destination is not configured, the range is empty, or the delivery failed.
pub fn run(
    (config, environment): (&Config, &Environment),
    clock: &Clock,
    flags: &Flags,
    (invocation, output): (&Invocation, &Output),
) -> Result<Code, Failure> {
    invocation.refuse_root(output.program())?;
    let Flags { name, from, to } = flags;
    if from >= to {
        let what = "--from is not before --to";
        return Err(Failure::new(Code::Usage, what, "exchange them"));
    }
    let known = config.destinations.iter().find(|known| known.name == *name);
    let Some(destination) = known else {
        let names: Vec<_> = config
            .destinations
            .iter()
            .map(|known| &*known.name)
            .collect();
        let remedy = match names.is_empty() {
            true => "add [[destination]] to config.toml".to_owned(),
            false => format!("name one of: {}", names.join(", ")),
        };
        let what = format!("no destination {name} is configured");
        return Err(Failure::new(Code::Usage, what, remedy));
    };
    let range = TimeRange {
        from: *from,
        to: *to,
    };
    delivery::make_outboxes(&SystemDisk, config)?;
    let queued = delivery::queue_again(config, destination, range, clock.now())?;
    let mut alone = config.clone();
    alone.destinations = vec![destination.clone()];
    let (mut deliveries, mut report) = (Deliveries::default(), Report::default());
    let whole = config.run.budget;
    let done = deliveries.run((&alone, environment), (clock, whole), &mut report, Ok(()));
    let delivered = report.destinations.get(name).copied().unwrap_or_default();
    for warning in &report.warnings {
        output.notice(warning);
    }
    deliveries.forget();
    done?;
    let document = Resent {
        schema: 1,
        destination: name,
        queued,
        waiting: delivered.waiting,
        events: delivered.events,
    };
    output.show(&document, || {
        format!(
            "{queued} files were sent to {name} again: {} events, {} files still wait\n",
            delivered.events, delivered.waiting
        )
    });
    Ok(match report.warnings.is_empty() {
        true => Code::Done,
        false => Code::Look,
    })
}
