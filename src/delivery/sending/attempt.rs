//! One part of a batch: it is sent until the answer is clear, with waits between the attempts.

use std::time::Duration;

use tracing::{info, warn};

use super::Sending;
use crate::delivery::batch::Batch;
use crate::delivery::queue::LINE_LIMIT;
use crate::delivery::verdict::{Again, Fate, Trouble, Verdict};
use crate::failure::{Code, Failure};

/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl Sending<'_, '_> {
    /// Sends lines until the answer is clear. Waits between attempts.
    pub(super) fn attempt(&mut self, batch: &Batch, lines: &[usize]) -> Result<Verdict, Failure> {
        if let [line] = lines
            && batch.text(&batch.lines()[*line]).len() as u64 >= LINE_LIMIT
        {
            let why = format!("it is longer than {} MiB", LINE_LIMIT >> 20);
            return Ok(Verdict::Refused(why));
        }
        let (mut attempts, begun) = (0, self.clock.elapsed());
        let (mut unclear, mut counted) = (0, 0);
        loop {
            let verdict = self.sender.send(batch.part(lines));
            for remark in self.sender.remarks() {
                self.kept.record.warn(format!("{}: {remark}", self.name()));
            }
            let (why, asked) = match verdict {
                Verdict::Each(fates) if fates.iter().all(Fate::is_again) => {
                    unclear = fates.iter().filter(|fate| fate.is_unknown()).count();
                    (first_reason(fates), None)
                }
                Verdict::Delivered
                | Verdict::Each(_)
                | Verdict::Refused(_)
                | Verdict::TooLarge(_) => return Ok(verdict),
                Verdict::Denied(trouble) => return Err(self.stopped(Code::Denied, trouble)),
                Verdict::Misconfigured(trouble) => {
                    return Err(self.stopped(Code::Config, trouble));
                }
                Verdict::NotUnderstood(why) => {
                    let remedy =
                        "check that the address is that of such a destination; else report it";
                    return Err(self.stopped(Code::NotUnderstood, Trouble::new(why, remedy)));
                }
                Verdict::SlowDown(asked, why) => (why, asked),
                Verdict::Broken(why) => (why, None),
                Verdict::Unknown(why) => {
                    unclear = lines.len();
                    (why, None)
                }
            };
            if unclear > counted && !self.sender.knows_repetitions() {
                self.delivered.repeated += (unclear - counted) as u64;
                counted = unclear;
            }
            self.clock.check()?; // a signal explains a broken connection
            attempts += 1;
            let wait = asked.unwrap_or_else(|| self.wait(attempts));
            let spent = self.clock.elapsed().saturating_sub(begun);
            let may_repeat = attempts <= self.destination.network.retries
                || spent.saturating_add(wait) < self.patience;
            let fits = wait < self.clock.left() && wait <= self.patience.max(LONGEST_WAIT);
            warn!(destination = self.name(), why, attempts, "not delivered");
            if !may_repeat || !fits {
                return Err(self.postponed(why, asked));
            }
            self.delivered.retries += 1;
            self.clock.sleep(wait)?;
        }
    }

    /// Returns the wait before the next attempt: doubled each time, with chance in it.
    pub(super) fn wait(&self, attempts: u32) -> Duration {
        let first = self.destination.network.retry_wait;
        let doubled =
            first.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1).min(16)));
        doubled
            .min(LONGEST_WAIT)
            .mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// Returns the failure that a person has to mend.
    pub(super) fn stopped(&self, code: Code, trouble: Trouble) -> Failure {
        let mut failure = Failure::new(code, self.sentence(&trouble.what), trouble.remedy);
        failure.trouble = self.trouble(code.kind());
        failure
    }

    /// Returns the failure that a later run makes up for.
    pub(super) fn postponed(&mut self, why: String, asked: Option<Duration>) -> Failure {
        if let Some(asked) = asked {
            let until = chrono::TimeDelta::from_std(asked).ok();
            self.kept.record.not_before = until.map(|wait| self.clock.now() + wait);
        }
        info!(destination = self.name(), why, "delivery is postponed");
        let remedy = "nothing to do if it passes: the next run continues";
        Failure::later(self.trouble("unreachable"), self.sentence(&why), remedy)
    }
}

/// Returns why the first of some lines has to be sent again.
fn first_reason(fates: Vec<Fate>) -> String {
    let reason = fates.into_iter().find_map(|fate| match fate {
        Fate::Again(Again::Later(why) | Again::Unknown(why)) => Some(why),
        _ => None,
    });
    reason.unwrap_or_default()
}
