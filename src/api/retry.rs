//! When to retry: a schedule without a clock, so that tests can check it.
//!
//! Faults are retried a few times, after waits that double and are random. So many installations do
//! not return at the same moment after an outage. A request to slow down is always obeyed, until
//! the time budget of the run ends.

use std::time::Duration;

use super::answer::{Answer, Denial};
use crate::config::Network;

/// The longest wait that the collector chooses.
const LONGEST: Duration = Duration::from_secs(60);
/// The wait after 429 if Mimecast names none. Each further wait is longer by this much.
const UNNAMED: Duration = Duration::from_secs(30);
/// The number of hints in a row that count. After that, no wait is shorter than [`UNNAMED`].
const HINTS_BELIEVED: u32 = 5;

/// How often and how soon faults are retried.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The number of retries after the first attempt.
    pub retries: u32,
    /// The wait before the first retry. Each further wait is twice as long.
    pub first_wait: Duration,
}

impl Policy {
    /// Returns the policy of the configuration.
    pub const fn of(network: &Network) -> Self {
        Self {
            retries: network.retries,
            first_wait: network.retry_wait,
        }
    }
}

/// The retries of one call so far.
#[derive(Debug)]
pub(crate) struct Retry {
    policy: Policy,
    faults: u32,
    slow_downs: u32,
    has_asked_again: bool,
    /// True after the first refusal of the position. Counted apart from `has_asked_again`, because the
    /// position moves only after two refusals.
    was_refused: bool,
}

/// The next step after an answer that is not a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Retry after this time.
    Wait(Duration),
    /// Report the answer.
    GiveUp,
    /// Report that the time budget has ended: no time is left for the call that would confirm a refusal.
    OutOfTime,
    /// Report the answer, and send no request before this time has passed.
    GiveUpFor(Duration),
}

impl Retry {
    pub(crate) const fn new(policy: Policy) -> Self {
        Self {
            policy,
            faults: 0,
            slow_downs: 0,
            has_asked_again: false,
            was_refused: false,
        }
    }

    /// Returns the next step. `left` is the rest of the run's time budget, `patience` the time for which faults
    /// are repeated however many there were, `jitter` a random number from 0 to 1.
    pub(crate) fn next(
        &mut self,
        answer: &Answer,
        (left, patience): (Duration, Duration),
        jitter: f64,
    ) -> Next {
        match answer {
            Answer::Broken(_) if self.faults < self.policy.retries || !patience.is_zero() => {
                let doubled = self.policy.first_wait * 2_u32.saturating_pow(self.faults.min(16));
                self.faults += 1;
                within(doubled.min(LONGEST).mul_f64(jitter), left)
            }
            Answer::SlowDown(hint) => {
                self.slow_downs += 1;
                let unnamed = UNNAMED * self.slow_downs;
                let wait = match hint {
                    Some(hint) if self.slow_downs <= HINTS_BELIEVED => *hint,
                    Some(hint) => (*hint).max(UNNAMED),
                    None => unnamed,
                };
                if wait < left {
                    Next::Wait(wait)
                } else {
                    Next::GiveUpFor(wait)
                }
            }
            // Mimecast sends such answers at times without a reason: a second call decides
            Answer::Denied(Denial::ApplicationId) | Answer::NotUnderstood(_)
                if !self.has_asked_again =>
            {
                self.has_asked_again = true;
                within(self.policy.first_wait, left)
            }
            Answer::PositionRefused if !self.was_refused => {
                self.was_refused = true;
                match within(self.policy.first_wait, left) {
                    Next::GiveUp => Next::OutOfTime,
                    wait => wait,
                }
            }
            _ => Next::GiveUp,
        }
    }
}

fn within(wait: Duration, left: Duration) -> Next {
    if wait < left {
        Next::Wait(wait)
    } else {
        Next::GiveUp
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: Duration = Duration::from_secs(3_600);
    const POLICY: Policy = Policy {
        retries: 4,
        first_wait: Duration::from_secs(1),
    };

    fn broken() -> Answer {
        Answer::Broken("x".to_owned())
    }

    fn waits(answer: &Answer, left: Duration, count: usize) -> Vec<Next> {
        let mut retry = Retry::new(POLICY);
        (0..count)
            .map(|_| retry.next(answer, (left, Duration::ZERO), 1.0))
            .collect()
    }

    fn seconds(count: u64) -> Next {
        Next::Wait(Duration::from_secs(count))
    }

    #[test]
    fn faults_are_repeated_ever_more_patiently_and_then_reported() {
        let expected = [seconds(1), seconds(2), seconds(4), seconds(8), Next::GiveUp];
        assert_eq!(waits(&broken(), HOUR, 5), expected);
        assert_eq!(waits(&broken(), Duration::from_secs(1), 1), [Next::GiveUp]);
    }

    #[test]
    fn while_patience_lasts_faults_are_repeated_however_many_there_were() {
        let mut retry = Retry::new(POLICY);
        let mut patience = Duration::from_secs(300);
        let mut waited = Vec::new();
        while let Next::Wait(wait) = retry.next(&broken(), (HOUR, patience), 1.0) {
            patience = patience.saturating_sub(wait);
            waited.push(wait.as_secs());
        }
        assert_eq!(waited, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
    }

    #[test]
    fn a_named_wait_is_obeyed_when_it_fits_the_budget() {
        let three = Answer::SlowDown(Some(Duration::from_secs(3)));
        assert_eq!(waits(&three, HOUR, 2), [seconds(3), seconds(3)]);
        let wait = Duration::from_secs(3);
        assert_eq!(waits(&three, wait, 1), [Next::GiveUpFor(wait)]);
    }

    #[test]
    fn an_unnamed_wait_grows() {
        let expected = [seconds(30), seconds(60), seconds(90)];
        assert_eq!(waits(&Answer::SlowDown(None), HOUR, 3), expected);
    }

    #[test]
    fn a_server_that_keeps_saying_now_is_not_believed_for_ever() {
        let now = Answer::SlowDown(Some(Duration::ZERO));
        assert_eq!(waits(&now, HOUR, 6)[4..], [seconds(0), seconds(30)]);
    }

    #[test]
    fn what_was_seen_where_nothing_was_wrong_is_asked_about_once_more() {
        for answer in [
            Answer::Denied(Denial::ApplicationId),
            Answer::NotUnderstood("x".to_owned()),
            Answer::PositionRefused,
        ] {
            assert_eq!(waits(&answer, HOUR, 2), [seconds(1), Next::GiveUp]);
        }
        let mut retry = Retry::new(POLICY);
        for answer in [
            Answer::NotUnderstood("x".to_owned()),
            Answer::PositionRefused,
        ] {
            let next = retry.next(&answer, (HOUR, Duration::ZERO), 1.0);
            assert_eq!(next, seconds(1), "{answer:?}");
        }
        let short = Duration::from_millis(1);
        assert_eq!(waits(&Answer::PositionRefused, short, 1), [Next::OutOfTime]);
        assert_eq!(waits(&Answer::Lapsed, HOUR, 1), [Next::GiveUp]);
        assert_eq!(
            waits(&Answer::Denied(Denial::Keys), HOUR, 1),
            [Next::GiveUp]
        );
    }

    proptest! {
        #[test]
        fn no_wait_outlasts_the_budget(left_ms in 0_u64..100_000, jitter in 0.0..1.0) {
            let left = Duration::from_millis(left_ms);
            let mut retry = Retry::new(POLICY);
            for answer in [broken(), Answer::SlowDown(None), broken(), Answer::SlowDown(Some(HOUR))] {
                if let Next::Wait(wait) = retry.next(&answer, (left, HOUR), jitter) {
                    prop_assert!(wait < left);
                }
            }
        }
    }
}
