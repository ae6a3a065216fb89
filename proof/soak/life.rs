//! One installation over the weeks: what it meets, and who looks at it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use chrono::{TimeDelta, Utc};

use super::moment;
use super::random_faults::{LASTING_RUNS, RandomFaults, Turn};
use super::service::Service;
use super::told::Told;
use super::weights::{Ages, Weights};
use crate::agent::{Agent, Habit};
use crate::harness::{Installation, Outcome};
use crate::stream::Stream;
use crate::tally::Tally;

/// An installation, what it meets, and who looks at it.
pub(super) struct Life {
    stream: Stream,
    pub(super) place: Installation,
    service: Service,
    pub(super) faults: RandomFaults,
    random: fastrand::Rng,
    agent: Agent,
    told: Told,
    weights: Weights,
    ages: Ages,
    /// Runs in a row with clocks that were days apart: all, and those that came to their end.
    apart: (u32, u32),
    /// Lines that were read twice, and runs that told of a repetition.
    repeated: (usize, u64),
}

impl Life {
    pub(super) fn new(place: Installation, stream: Stream, random: &mut fastrand::Rng) -> Self {
        let faults = RandomFaults::new(&place, random.fork());
        Self {
            stream,
            service: Service::new(&place, stream, random.fork()),
            faults,
            random: random.fork(),
            agent: Agent::new(stream.folder(), Habit::Leaves),
            told: Told::default(),
            weights: Weights::default(),
            ages: Ages::of(&place, stream),
            apart: (0, 0),
            repeated: (0, 0),
            place,
        }
    }

    pub(super) fn serve(&mut self, run: u32, time: TimeDelta) {
        self.place
            .set(|switches| switches.clock_offset_seconds = time.num_seconds());
        self.service.serve(&self.place, run, Utc::now() + time);
    }

    /// Judges a run, and lets the agent read.
    pub(super) fn look(
        &mut self,
        run: u32,
        (time, began): (TimeDelta, SystemTime),
        kind: Turn,
        outcome: &Outcome,
    ) {
        self.told.hear(&self.place, kind, outcome);
        let (now, mut host) = (Utc::now() + time, Utc::now() + time);
        if let Turn::HostClock(_, off) = kind {
            host += off;
        }
        self.weights.cost(run, &self.faults.costs());
        self.weights.look(&self.place, run, began, host);
        self.ages.after_run(now);
        self.stream.assert_whole(&self.place);
        if self.random.u32(0..10) > 0 {
            let habits = [Habit::Leaves, Habit::Leaves, Habit::Deletes, Habit::Moves];
            self.agent.take_to(habits[self.random.usize(0..4)]);
            self.agent.look(&self.place);
            self.ages.after_agent();
            drop(std::fs::remove_dir_all(self.place.path("read")));
        }
        self.judge(kind, outcome);
        self.judge_repetitions();
    }

    /// P2: lines that were read twice were told as such, or the service had them twice.
    fn judge_repetitions(&mut self) {
        let repeated = self.agent.repeated();
        let known: Vec<_> = self.service.twice().collect();
        let is_known = |line: &String| known.iter().any(|known| known.starts_with(line.as_bytes()));
        let new: Vec<_> = repeated
            .into_iter()
            .filter(|line| !is_known(line))
            .collect();
        let (now, before) = ((new.len(), self.told.repetitions()), self.repeated);
        if now.0 <= before.0 {
            return; // what was told may be read later
        }
        self.repeated = now;
        let is_told = now.1 > before.1;
        assert!(is_told, "P2: read twice: {:?}", new.last());
    }

    /// Writes a record of the run, from which a person can find the reason of a finding.
    pub(super) fn take_down(&self, keep: Option<&Path>, run: u32, kind: Turn, outcome: &Outcome) {
        let Some(keep) = keep else { return };
        let path = keep.join(format!("{}.txt", self.stream.name()));
        let file = File::options().create(true).append(true).open(path);
        let (kind, code, said) = (kind.name(), outcome.code, outcome.stdout.trim_end());
        writeln!(file.expect("a file"), "{run}, {kind}, {code}: {said}").expect("written");
    }

    pub(super) fn keep(&self, keep: Option<&Path>) {
        let Some(keep) = keep else { return };
        let mut copy = Command::new("cp");
        copy.arg("-r")
            .args(["log", "checkpoint", "data"].map(|folder| self.place.path(folder)));
        let to = keep.join(self.stream.name());
        std::fs::create_dir_all(&to).expect("a folder");
        assert!(copy.arg(to).status().expect("cp is there").success());
    }

    fn judge(&mut self, kind: Turn, outcome: &Outcome) {
        let code = outcome.code;
        let has_ended = [0, 65, 78].contains(&code);
        if kind.is_days_apart() {
            self.apart.0 += 1;
            self.apart.1 = if has_ended { self.apart.1 + 1 } else { 0 };
        } else {
            // the clocks agreed: an unfinished run may have saved that, or not
            self.apart.1 = 0;
            if has_ended {
                self.apart.0 = 0;
            }
        }
        let allowed = kind.allows(code, self.apart.0);
        assert!(allowed, "P7: ended with {code}: {outcome:?}");
        let lasts = kind.is_days_apart() && self.apart.1 >= LASTING_RUNS;
        assert!(
            !lasts || code == 78,
            "P7: clocks are days apart for the {}th time, and the run ended with {code}",
            self.apart.1
        );
    }

    /// No more faults, and then everything has to add up.
    pub(super) fn end(&mut self, runs: u32) {
        self.faults.clear(&self.place);
        self.service.bad_items.heal(&self.place);
        let time = moment(runs + 2, runs); // whatever wait was asked for is over
        let mut codes = Vec::new();
        while !codes.ends_with(&[0, 0]) && codes.len() < 5 {
            let outcome = self.faults.run(&self.place, self.stream, time, Turn::Fine);
            self.told.hear(&self.place, Turn::Fine, &outcome);
            codes.push(outcome.code);
        }
        // what is still to be told, and objects that have failed before, may need a run of their own
        assert!(codes.ends_with(&[0, 0]), "the last runs end with {codes:?}");
        let may_be = |code: &i32| [0, 65, 75].contains(code);
        assert!(codes.iter().all(may_be), "the last runs end with {codes:?}");
        self.ages.after_run(Utc::now() + time);
        self.agent.look(&self.place);
        let expected = self.told.expected(&self.service, &self.agent);
        self.agent.assert_read(expected);
        self.told.assert_each_once();
        self.told.assert_accounts_for(&self.place);
        self.told.assert_keeps(&self.service);
        self.weights.assert_flat();
    }

    pub(super) fn count(self, tally: &mut Tally) {
        let stream = self.stream.name();
        let both = (&self.service, &self.agent);
        self.told.tell(stream, both, tally);
        tally.count(&format!("{stream}: faulty answers"), self.faults.faults());
        let deleted = self.ages.deleted();
        tally.count(
            &format!("{stream}: files deleted because of their age"),
            deleted,
        );
        self.weights.tell(self.stream, tally);
        self.place.sandbox.allow_complaints();
    }
}
