//! The attempts of one call, until an answer arrives or another attempt cannot help.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{info, warn};

use super::ApiError;
use super::answer::Answer;
use super::retry::{Next, Policy, Retry};
use super::transport::{Received, ReceivedBody, TransportError};
use crate::clock::{Clock, Stopped};

/// Returns the meaning of one exchange, and what arrived.
pub(super) fn outcome(
    sent: Result<Received, TransportError>,
    host: &str,
    meaning: impl FnOnce(&Received) -> Answer,
) -> Result<(Answer, Option<Received>), ApiError> {
    match sent {
        Ok(received) => Ok((meaning(&received), Some(received))),
        Err(TransportError::NoConnection(why) | TransportError::Passing(why)) => {
            Ok((Answer::Broken(why), None))
        }
        Err(TransportError::Lasting(why)) => Err(ApiError::Unreachable(format!("{host}: {why}"))),
        // retried once, like every answer that is not understood
        Err(TransportError::Improper(why)) => Ok((Answer::NotUnderstood(why), None)),
        Err(TransportError::TooLarge) => Err(ApiError::too_large()),
        Err(TransportError::Store(barred)) => Err(barred.into()),
        Err(TransportError::Unusable(why)) => Err(ApiError::Unusable(why)),
        Err(TransportError::Sink(error)) => Err(ApiError::Sink(error)),
        Err(TransportError::Stopped(stopped)) => Err(stopped.into()),
    }
}

/// Repeats requests, within the time budget of the run. Copies count together.
#[derive(Clone)]
pub struct Attempts {
    clock: Clock,
    policy: Policy,
    retries: Arc<AtomicU64>,
    /// The time for which the first call is repeated if nobody answers.
    patience: Duration,
    /// True after the end of the first call.
    is_settled: Arc<AtomicBool>,
}

impl Attempts {
    pub(super) fn new(clock: Clock, policy: Policy) -> Self {
        Self {
            clock,
            policy,
            retries: Arc::default(),
            patience: Duration::ZERO,
            is_settled: Arc::default(),
        }
    }

    /// Repeats the first call for this time if nobody answers. Later calls have the usual number of
    /// repetitions: in a lasting outage, not each of them may take as long.
    pub(super) fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Returns the number of repetitions so far.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Makes attempts until one succeeds or another one cannot help.
    pub(super) fn make(
        &self,
        host: &str,
        attempt: impl FnMut() -> Result<(Answer, Option<Received>), ApiError>,
    ) -> Result<(Answer, Received), ApiError> {
        let made = self.repeat(host, attempt);
        self.is_settled.store(true, Ordering::Relaxed);
        made
    }

    fn repeat(
        &self,
        host: &str,
        mut attempt: impl FnMut() -> Result<(Answer, Option<Received>), ApiError>,
    ) -> Result<(Answer, Received), ApiError> {
        let clock = &self.clock;
        let patience = match self.is_settled.load(Ordering::Relaxed) {
            true => Duration::ZERO,
            false => self.patience,
        };
        let began = clock.elapsed();
        let mut retry = Retry::new(self.policy);
        let mut cut = None;
        loop {
            clock.check()?;
            let (answer, received) = attempt()?;
            match (&answer, received) {
                (Answer::Data | Answer::Nothing, Some(received)) => return Ok((answer, received)),
                (Answer::Broken(_), received) => {
                    cut = received
                        .and_then(|received| received.into_cut(host))
                        .or(cut);
                }
                _ => cut = None,
            }
            let patience = patience.saturating_sub(clock.elapsed().saturating_sub(began));
            match retry.next(&answer, (clock.left(), patience), fastrand::f64()) {
                Next::Wait(wait) => {
                    info!(host, ?wait, ?answer, "retrying");
                    self.retries.fetch_add(1, Ordering::Relaxed);
                    clock.sleep(wait)?;
                }
                Next::GiveUp => return Err(cut.unwrap_or_else(|| error(answer, host, clock.now()))),
                Next::OutOfTime => return Err(ApiError::Stopped(Stopped::OutOfTime)),
                Next::GiveUpFor(wait) => {
                    let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::hours(1));
                    let until = clock.now() + wait.min(TimeDelta::hours(1));
                    return Err(error(answer, host, until));
                }
            }
        }
    }
}

/// Returns the caller's error for an answer. `until` is the earliest time for another request.
fn error(answer: Answer, host: &str, until: DateTime<Utc>) -> ApiError {
    warn!(?answer, "no further attempt");
    match answer {
        Answer::Denied(denial) => ApiError::Denied(denial),
        Answer::SlowDown(_) => ApiError::SlowDown(until),
        Answer::PositionRefused => ApiError::PositionRefused,
        Answer::Lapsed => ApiError::Lapsed,
        Answer::Gone => ApiError::Gone,
        Answer::Broken(why) => ApiError::Unreachable(format!("{host}: {why}")),
        Answer::NotUnderstood(why) => ApiError::NotUnderstood(why),
        Answer::Data | Answer::Nothing => ApiError::NotUnderstood("no answer".to_owned()),
    }
}

impl Received {
    /// Returns the error of a transfer that broke off, or `None` for a complete one.
    fn into_cut(self, host: &str) -> Option<ApiError> {
        let head = Box::new(self.head);
        match self.body {
            ReceivedBody::Cut(why) => Some(ApiError::Cut {
                head,
                why: format!("{host}: {why}"),
            }),
            ReceivedBody::Held(_) | ReceivedBody::Stored => None,
        }
    }
}
