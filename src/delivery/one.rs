//! The delivery to one destination in one run, from its record to the outcome.

use chrono::TimeDelta;
use tracing::{info, warn};

use super::Setting;
use super::begin;
use super::hold;
use super::queue::{Queue, backlog};
use super::record::{Found, Kept, Record};
use super::sender::Sender;
use super::sending::Sending;
use crate::config::Destination;
use crate::failure::{Code, Failure};
use crate::report::Delivered;

/// The longest wait that a run accepts from an earlier run. A longer one may come from a wrong clock.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);
/// Files are given up only if the two clocks differ by at most this.
const SKEW_LIMIT: TimeDelta = TimeDelta::minutes(10);

/// Reads the record, and begins with a destination that has none.
pub(super) fn load(setting: Setting<'_>, destination: &Destination) -> Result<Kept, Failure> {
    let Setting {
        config,
        clock,
        disk,
        ..
    } = setting;
    let (name, outbox) = (&destination.name, config.outbox(&destination.name));
    begin::make_outbox(&**disk, config, destination)?;
    let (mut kept, found) = Kept::load(disk, &config.folders.state, name, clock.now())?;
    let has_begun = begin::has_begun(&**disk, &outbox)?;
    if !has_begun {
        begin::fill(&**disk, config, destination)?;
        kept.save()?;
        begin::mark(&**disk, &outbox)?;
    }
    let lost = match found {
        Found::Previous(why) => Some(format!(
            "the record of {name} is not usable ({why}): delivery continues from its copy"
        )),
        Found::Nothing(why) if has_begun => Some(format!(
            "the record of {name} was lost ({}): delivery continues with the oldest file that waits",
            why.as_deref().unwrap_or("it is missing")
        )),
        Found::Nothing(_) | Found::Current => None,
    };
    if let Some(lost) = lost {
        let text = format!("{lost}, and events of one batch may be there twice");
        kept.record.warn(text);
    }
    if let Some(events) = kept.record.in_flight.take() {
        kept.record.warn(format!(
            "the last delivery to {name} was interrupted: up to {events} events may be there twice"
        ));
    }
    let fingerprint = destination.fingerprint();
    if kept.record.fingerprint != fingerprint {
        kept.record.most_bytes = None;
        kept.record.not_before = None;
        kept.record.fingerprint = fingerprint;
    }
    Ok(kept)
}

/// Delivers what waits, and saves the outcome in the record. `connect` is called if something waits.
pub(super) fn deliver_with<'a>(
    setting: Setting<'a>,
    destination: &'a Destination,
    kept: &mut Kept,
    connect: impl FnOnce() -> Result<Box<dyn Sender + 'a>, Failure>,
) -> (Delivered, Option<Failure>) {
    let mut delivered = Delivered::default();
    let sent = send(setting, destination, (kept, &mut delivered), connect);
    // only what this run could not deliver
    let done = sent.and(give_up(setting, destination, &mut kept.record));
    if delivered.repeated > 0 {
        kept.record.warn(format!(
            "an answer of {} was unclear: up to {} events may be there twice",
            destination.name, delivered.repeated
        ));
    }
    let outbox = setting.config.outbox(&destination.name);
    delivered.waiting = backlog(&**setting.disk, &outbox).map_or(0, |backlog| backlog.files);
    let failure = done
        .err()
        .map(|failure| count(setting, &mut kept.record, failure));
    if failure.is_none() {
        kept.record.troubles.clear();
        (kept.record.behind_since, kept.record.hindrance) = (None, None);
    }
    kept.record.in_flight = None;
    let saved = match kept.is_changed() {
        true => kept.save(),
        false => Ok(()), // a run without a backlog writes nothing
    };
    let failure = failure.or(saved.err().map(Failure::from));
    info!(destination = destination.name, ?delivered, "delivery ends");
    (delivered, failure)
}

/// Gives up what is above the limits of the outbox, unless the present is in doubt.
fn give_up(
    setting: Setting<'_>,
    destination: &Destination,
    record: &mut Record,
) -> Result<(), Failure> {
    let skew = setting.clock.skew();
    if skew.is_none_or(|skew| skew.abs() > SKEW_LIMIT) {
        return Ok(());
    }
    let now = setting.clock.present().earliest;
    if let Some(text) = hold::enforce(&**setting.disk, setting.config, destination, now)? {
        record.warn(text);
    }
    Ok(())
}

/// Sends what waits, if anything does and the destination may be asked.
fn send<'a>(
    setting: Setting<'a>,
    destination: &'a Destination,
    (kept, delivered): (&mut Kept, &mut Delivered),
    connect: impl FnOnce() -> Result<Box<dyn Sender + 'a>, Failure>,
) -> Result<(), Failure> {
    let Setting {
        config,
        clock,
        disk,
        ..
    } = setting;
    let outbox = config.outbox(&destination.name);
    let queue = Queue::of(&**disk, outbox.clone());
    queue.delete_confirmed(&kept.record)?;
    if backlog(&**disk, &outbox)?.files == 0 {
        return Ok(());
    }
    let now = clock.now();
    let asked = kept.record.not_before.take();
    if let Some(until) = asked.filter(|until| now < *until && *until - now <= LONGEST_WAIT) {
        kept.record.not_before = Some(until);
        let until = until.format("%H:%M UTC");
        let what = format!(
            "{} asked for no further request before {until}",
            destination.name
        );
        let trouble = format!("delivery {} slow down", destination.name);
        let remedy = "nothing to do: a later run continues";
        return Err(Failure::later(trouble, what, remedy));
    }
    let sender = connect()?;
    Sending::new(setting, destination, sender, queue, kept, delivered).run()
}

/// Counts a failure in the record. Makes it urgent if it lasts.
fn count(setting: Setting<'_>, record: &mut Record, failure: Failure) -> Failure {
    if failure.is_stop() {
        return failure;
    }
    let now = setting.clock.now();
    let runs = record.troubles.get(&failure.trouble).copied().unwrap_or(0) + 1;
    record.troubles.clear();
    record.troubles.insert(failure.trouble.clone(), runs);
    record.hindrance = Some(failure.what.clone());
    let since = *record.behind_since.get_or_insert(now);
    warn!(error = failure.what, "a delivery failed");
    let mut failure = failure.after(runs);
    if failure.code == Code::Later && now - since > setting.config.run.alarm_after {
        let minute = since.format("%Y-%m-%d %H:%M UTC");
        failure.code = Code::Outage;
        failure.what = format!(
            "{}; nothing could be delivered since {minute}",
            failure.what
        );
        failure.remedy = "end the outage; the outbox keeps what waits".to_owned();
    }
    failure
}
