//! What a failure stops: one stream, or the run.

use tracing::warn;

use super::Collection;
use crate::failure::{Code, Failure, Reach};
use crate::spool::{Left, Spool};

impl Collection<'_> {
    /// Ends a stream that failed. Its failure counts more than an error while saving the state.
    pub(super) fn fail(
        &mut self,
        name: &str,
        spool: &mut Spool,
        failure: Failure,
        has_progress: bool,
    ) -> Result<(), Failure> {
        // running out of time is not a trouble if this run committed batches
        let trouble = (!(failure.is_out_of_time() && has_progress)).then_some(&failure.trouble);
        let runs = trouble.map_or(0, |trouble| spool.runs_with(trouble) + 1);
        let left = Left {
            troubles: trouble.into_iter().cloned().collect(),
            not_before: failure.not_before,
        };
        if let Err(other) = spool.leave(&left, self.now()) {
            warn!(%other, "could not save the state: the next run does it");
        }
        let was_cut_off = std::mem::replace(&mut self.is_cut_off, failure.reach == Reach::Network);
        // Mimecast may fail to answer for one stream and answer for the next
        let is_answered = self.context.clock.skew().is_some();
        let is_its_own = match failure.reach {
            Reach::Stream => true,
            Reach::Network => is_answered || !was_cut_off,
            Reach::Run => false,
        };
        let host = self.context.client.base().host();
        let failure = failure.context(&format!("while collecting {name} from {host}"));
        if self.count > 1 && is_its_own {
            self.keep_trouble(failure, runs);
            return Ok(());
        }
        Err(failure.after(runs))
    }

    /// Keeps the trouble of one stream for the end of the run.
    pub(super) fn keep_trouble(&mut self, failure: Failure, runs: u32) {
        warn!(error = failure.what, "a stream failed: the others continue");
        self.report.notes.push(failure.what.clone());
        self.troubles.push(failure.after(runs));
    }

    /// Returns the failure that needs a person, even if a temporary one came last.
    pub fn outweigh(&mut self, failure: Failure) -> Failure {
        let mut troubles = self.troubles.drain(..);
        let lasting = troubles.find(|trouble| trouble.code.urgency() == 0);
        match lasting {
            Some(trouble) if failure.code == Code::Later => trouble,
            _ => failure,
        }
    }

    /// Returns the most urgent trouble, if there is any.
    pub(super) fn worst_trouble(&mut self) -> Option<Failure> {
        self.troubles
            .drain(..)
            .min_by_key(|trouble| trouble.code.urgency())
    }
}
