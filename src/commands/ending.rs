//! What a run does beside collecting: the alarm of a lasting outage, the ledger, the files and the check of
//! `[monitor]`. Nothing here can fail a run.

use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::Url;
use tracing::{info, warn};

use super::collector::{Collector, all_watched};
use crate::api::ping::ping;
use crate::clock::Clock;
use crate::config::{Config, Monitor};
use crate::durable::SystemDisk;
use crate::failure::{Code, Failure};
use crate::history;
use crate::monitor;
use crate::report::Report;
use crate::spool;

/// A run that has begun.
pub struct Begun {
    config: Config,
    clock: Clock,
    at: DateTime<Utc>,
    check: fn(&Monitor) -> Option<&Url>,
}

impl Begun {
    /// Begins a run, and tells the check.
    pub fn start(
        collector: &Collector,
        config: &Config,
        clock: &Clock,
        report: &mut Report,
    ) -> Self {
        let begun = Self {
            config: config.clone(),
            clock: clock.clone(),
            at: clock.now(),
            check: collector.check,
        };
        begun.call_check("start", report);
        begun
    }

    /// Ends a run: raises the alarm, enters the run into the ledger, replaces the files, tells the check.
    pub fn end(
        &self,
        collector: &Collector,
        run: &str,
        report: &mut Report,
        failure: &mut Option<Failure>,
    ) {
        let (program, now) = (collector.program.executable, self.clock.now());
        // a long backlog has no time for some streams
        let is_moving = |failure: &Failure| failure.is_out_of_time() && report.batches > 0;
        if let Some(failure) = failure.as_mut().filter(|failure| !is_moving(failure)) {
            self.alarm(collector, failure);
        }
        let entry = history::Run::of((program, run), (self.at, now), report, failure.as_ref());
        if let Err(error) = history::append(&self.config.folders.state, &entry) {
            warn!(%error, "could not enter the run into the ledger");
        }
        let read = || monitor::overviews(&all_watched(&self.config), now);
        for why in monitor::replace_files(&self.config, read) {
            warn!(why, "could not write a file of [monitor]");
            report
                .notes
                .push(format!("could not write a file of [monitor]: {why}"));
        }
        let code = report.code(failure.as_ref());
        let seconds = (now - self.at).num_seconds();
        let newest = report
            .newest()
            .map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true));
        let (files, events, bytes) = (report.files, report.events, report.bytes);
        let (code_number, more) = (code as u8, report.has_more());
        info!(
            code = code_number,
            seconds, files, events, bytes, newest, more, "the run ends"
        );
        match code {
            Code::Done => self.call_check("", report),
            // nobody has to act; if no later run succeeds, the check misses its success
            Code::Later | Code::Interrupted | Code::Terminated => {}
            code => self.call_check(&(code as u8).to_string(), report),
        }
    }

    /// Makes an outage of a stream urgent if it has lasted for longer than the operator accepts.
    fn alarm(&self, collector: &Collector, failure: &mut Failure) {
        if failure.code != Code::Later || failure.is_busy() {
            return;
        }
        let state = &self.config.folders.state;
        let streams = collector.watched(&self.config).streams;
        let complete = streams.iter().filter_map(|(name, log)| {
            let facts = spool::view(&SystemDisk, state, name).ok()?.facts()?;
            // a backlog that takes many runs moves its position before its first success
            let since = facts.last_success.max(facts.moved_at).or(facts.began)?;
            Some((since, log.kept, name))
        });
        let Some((since, kept, name)) = complete.min() else {
            return;
        };
        let now = self.clock.present().earliest;
        if now - since > self.config.run.alarm_after {
            let until = since.checked_add_signed(kept).unwrap_or(since);
            failure.becomes_outage(name, since, until);
        }
    }

    fn call_check(&self, part: &str, report: &mut Report) {
        let Some(url) = (self.check)(&self.config.monitor) else {
            return;
        };
        if let Err(why) = ping(&self.config.network, &self.clock, url, part) {
            warn!(why, "could not call the check");
            report
                .notes
                .push(format!("could not call the check: {why}"));
        }
    }
}
