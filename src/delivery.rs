//! Delivery: sends the committed files to the destinations of the configuration, with the promises of collection.
//!
//! The outbox of a destination holds a second name of each committed file. A run collects first and delivers then,
//! with a thread for each destination. A file leaves the outbox when the destination has confirmed it.
//!
//! A lock for each destination admits one run at a time. Any of the two collectors sends whatever waits.

mod batch;
mod begin;
mod hold;
mod http;
mod queue;
mod record;
mod sender;
mod sending;
mod syslog;
mod tls;
mod trial;
mod verdict;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{info, warn};

pub use queue::{Backlog, backlog};
pub use record::{Record, view};
pub use trial::send_one;

use crate::clock::Clock;
use crate::config::destination::Kind as Protocol;
use crate::config::{Config, Destination, Environment};
use crate::credentials::DestinationSecrets;
use crate::durable::{Disk, Kind, SystemDisk};
use crate::event_time::{TimeRange, event_time};
use crate::failure::{Code, Failure};
use crate::logs;
use crate::report::Delivered;
use crate::spool::{Lock, SpoolError};
use queue::Queue;
use record::{Found, Kept};
use sender::Sender;
use sending::Sending;

/// The longest wait that a run accepts from an earlier run. A longer one may come from a wrong clock.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);
/// Files are given up only if the two clocks differ by at most this.
const SKEW_LIMIT: TimeDelta = TimeDelta::minutes(10);

/// What a delivery needs.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    pub config: &'a Config,
    pub environment: &'a Environment,
    pub clock: &'a Clock,
    /// The name of this host.
    pub host: &'a str,
    /// The disk that holds outboxes and records.
    pub disk: &'a Arc<dyn Disk>,
}

/// The delivery to one destination, when it has ended.
pub struct Outcome {
    /// The name of the destination.
    pub name: String,
    /// What was delivered.
    pub delivered: Delivered,
    /// Sentences that make a run end with 65.
    pub warnings: Vec<String>,
    /// What ended the delivery early.
    pub failure: Option<Failure>,
    /// The record, if it holds warnings that nobody has read yet.
    untold: Option<(Kept, Lock)>,
}

/// Makes the outboxes of all destinations, so that commits can fill them.
///
/// # Errors
/// [`SpoolError::Disk`].
pub fn make_outboxes(disk: &dyn Disk, config: &Config) -> Result<(), SpoolError> {
    for destination in &config.destinations {
        begin::make_outbox(disk, config, destination)?;
    }
    Ok(())
}

/// Delivers to all destinations side by side. A destination that another run serves is left out.
pub fn deliver(setting: Setting<'_>) -> Vec<Outcome> {
    let destinations = &setting.config.destinations;
    if let [only] = &destinations[..] {
        return deliver_to(setting, only).into_iter().collect();
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = destinations
            .iter()
            .map(|destination| scope.spawn(move || deliver_to(setting, destination)))
            .collect();
        let ended = threads.into_iter().zip(destinations);
        ended
            .filter_map(|(thread, destination)| match thread.join() {
                Ok(outcome) => outcome,
                Err(_) => Some(Outcome::failed(destination, bug(destination))),
            })
            .collect()
    })
}

/// Returns the failure of a thread that has panicked. Its message is on standard error.
fn bug(destination: &Destination) -> Failure {
    let what = format!("a bug while delivering to {}", destination.name);
    Failure::new(Code::Bug, what, "please report it with the log")
}

fn deliver_to(setting: Setting<'_>, destination: &Destination) -> Option<Outcome> {
    let state = &setting.config.folders.state;
    let lock = match Lock::take(state, &format!("deliver_{}", destination.name)) {
        Err(SpoolError::Busy { .. }) => {
            info!(destination = destination.name, "another run delivers");
            return None;
        }
        Err(error) => return Some(Outcome::failed(destination, error.into())),
        Ok(lock) => lock,
    };
    let mut kept = match load(setting, destination) {
        Ok(kept) => kept,
        Err(failure) => return Some(Outcome::failed(destination, failure)),
    };
    let connect = || open(setting, destination);
    let (delivered, failure) = deliver_with(setting, destination, &mut kept, connect);
    Some(Outcome {
        name: destination.name.clone(),
        delivered,
        warnings: kept.record.untold.clone(),
        failure,
        untold: (!kept.record.untold.is_empty()).then_some((kept, lock)),
    })
}

/// Reads the record, and begins with a destination that has none.
fn load(setting: Setting<'_>, destination: &Destination) -> Result<Kept, Failure> {
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
fn deliver_with<'a>(
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

/// Prepares the connection to a destination.
///
/// # Errors
/// Secrets or certificates cannot be used.
pub fn open<'a>(
    setting: Setting<'a>,
    destination: &'a Destination,
) -> Result<Box<dyn Sender + 'a>, Failure> {
    let Setting {
        config,
        environment,
        clock,
        host,
        ..
    } = setting;
    let secrets = DestinationSecrets::load(&config.path, environment, &destination.name)?;
    match &destination.kind {
        Protocol::Syslog(settings) => syslog::open(destination, settings, (host, clock)),
        _ => http::open(destination, &secrets, (host, clock)),
    }
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

impl Outcome {
    fn failed(destination: &Destination, failure: Failure) -> Self {
        Self {
            name: destination.name.clone(),
            delivered: Delivered::default(),
            warnings: Vec::new(),
            failure: Some(failure),
            untold: None,
        }
    }

    /// Deletes the warnings of the record. Call it once they have been told.
    pub fn forget(&mut self) {
        let Some((kept, _)) = &mut self.untold else {
            return;
        };
        kept.record.untold.clear();
        if let Err(error) = kept.save() {
            warn!(%error, "could not note that warnings were told: the next run repeats them");
        }
    }
}

/// Returns the time budget of delivery: what collection has left, and at least a tenth of the whole. So a run of 25
/// minutes ends before the 28 that the units of systemd allow.
pub fn budget(whole: Duration, elapsed: Duration) -> Duration {
    whole.max(elapsed.saturating_add(whole / 10))
}

/// Puts the published files with an event of a range into the outbox of a destination. Returns their number.
///
/// # Errors
/// [`SpoolError::Disk`].
pub fn queue_again(
    config: &Config,
    destination: &Destination,
    range: TimeRange,
    now: DateTime<Utc>,
) -> Result<u64, SpoolError> {
    let outbox = config.outbox(&destination.name);
    let number = u64::try_from(now.timestamp_millis()).unwrap_or_default();
    let mut queued = 0;
    for folder in &destination.folders {
        let published = begin::published(&SystemDisk, config, folder)?;
        let mut wanted = Vec::new();
        for entry in &published {
            let path = config.folders.data.join(folder).join(&entry.name);
            let has_event = queue::has_line(&SystemDisk, &path, |line| {
                event_time(line).is_some_and(|time| range.from <= time && time <= range.to)
            });
            if has_event.map_err(|error| SpoolError::disk("read", &path, error))? {
                wanted.push(entry);
            }
        }
        // a number of its own: the destination may have confirmed these files under another
        begin::add(
            &SystemDisk,
            config,
            (folder, &outbox),
            &wanted,
            Some(number),
        )?;
        queued += wanted.len() as u64;
    }
    Ok(queued)
}

/// Returns each outbox with files whose destination is not configured: its name and the number of its files.
pub fn abandoned(config: &Config) -> Vec<(String, u64)> {
    let folder = config.folders.data.join(logs::OUTBOX);
    let listed = SystemDisk.list(&folder).unwrap_or_default();
    let is_configured = |name: &str| config.destinations.iter().any(|known| known.name == name);
    let unknown = listed
        .into_iter()
        .filter(|entry| entry.kind == Kind::Folder && !is_configured(&entry.name));
    let counted = unknown.filter_map(|entry| {
        let backlog = backlog(&SystemDisk, &folder.join(&entry.name)).ok()?;
        (backlog.files > 0).then_some((entry.name, backlog.files))
    });
    counted.collect()
}

/// Deletes the files of an outbox. Returns their number, or `None` if there is no such outbox.
///
/// # Errors
/// [`SpoolError::Busy`] if another run delivers there. [`SpoolError::Disk`].
pub fn drop_outbox(config: &Config, name: &str) -> Result<Option<u64>, SpoolError> {
    let folder = config.folders.data.join(logs::OUTBOX);
    let listed = SystemDisk.list(&folder).unwrap_or_default();
    if !listed
        .iter()
        .any(|entry| entry.name == name && entry.kind == Kind::Folder)
    {
        return Ok(None);
    }
    let _lock = Lock::take(&config.folders.state, &format!("deliver_{name}"))?;
    let folder = folder.join(name);
    let files = queue::list(&SystemDisk, &folder)?;
    let queue = Queue::of(&SystemDisk, folder);
    for (queued, _) in &files {
        queue.remove(&queued.file_name())?;
    }
    queue.sync()?;
    Ok(Some(files.len() as u64))
}
