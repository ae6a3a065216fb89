//! Delivery: sends the committed files to the destinations of the configuration, with the promises of collection.
//!
//! The outbox of a destination holds a second name of each committed file. A run collects first and delivers then,
//! with a thread for each destination. A file leaves the outbox when the destination has confirmed it.
//!
//! A lock for each destination admits one run at a time. Any of the two collectors sends whatever waits.

mod batch;
mod begin;
mod by_hand;
mod hold;
mod http;
mod one;
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

use tracing::{info, warn};

pub use by_hand::{abandoned, drop_outbox, queue_again};
pub use queue::{Backlog, backlog};
pub use record::view;
pub use trial::send_one;

use crate::clock::Clock;
use crate::config::destination::Kind as Protocol;
use crate::config::{Config, Destination, Environment};
use crate::credentials::DestinationSecrets;
use crate::durable::Disk;
use crate::failure::{Code, Failure};
use crate::report::Delivered;
use crate::spool::{Lock, SpoolError};
use one::{deliver_with, load};
use record::Kept;
use sender::Sender;

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
