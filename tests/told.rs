//! A ledger of what the runs of an installation told: each trouble has to be told once, by a run that ended with 65.

use crate::harness::{Installation, Outcome};

/// The code of a run that finished and has something to look at.
const LOOK: i32 = 65;

/// What each run told, in order.
#[derive(Debug, Default)]
pub(crate) struct Told(Vec<Run>);

/// How one run ended.
#[derive(Debug)]
struct Run {
    code: i32,
    warnings: Vec<String>,
}

impl Told {
    /// Runs a collector once for each of these codes, with which the runs end.
    #[track_caller]
    pub(crate) fn of_runs<const N: usize>(
        place: &Installation,
        program: &str,
        codes: [i32; N],
    ) -> Self {
        let mut told = Self::default();
        told.runs(place, program, N);
        assert_eq!(told.codes(), codes, "{told:#?}");
        told
    }

    /// Runs a collector so often.
    pub(crate) fn runs(&mut self, place: &Installation, program: &str, times: usize) {
        for _ in 0..times {
            self.run(place, program);
        }
    }

    /// Runs a collector with `--json` and takes down what it tells.
    pub(crate) fn run(&mut self, place: &Installation, program: &str) -> Outcome {
        let outcome = place.run(program, ["--json"]);
        self.hear(&outcome);
        outcome
    }

    /// Takes down what a run with `--json` told. A run that was killed tells nothing.
    pub(crate) fn hear(&mut self, outcome: &Outcome) {
        let mut warnings = Vec::new();
        if !outcome.stdout.is_empty() {
            let report = outcome.json();
            let told = report["warnings"].as_array().cloned().unwrap_or_default();
            let texts = told.iter().filter_map(|text| text.as_str());
            warnings.extend(texts.map(str::to_owned));
        }
        let code = outcome.code;
        self.0.push(Run { code, warnings });
    }

    /// The codes of all runs, in order.
    pub(crate) fn codes(&self) -> Vec<i32> {
        self.0.iter().map(|run| run.code).collect()
    }

    /// Exactly one run that ended with 65 has a warning with this text.
    #[track_caller]
    pub(crate) fn assert_once(&self, text: &str) {
        let times = self.runs_that_told(text);
        assert!(
            times == 1,
            "told by {times} runs, not one: {text:?}: {self:#?}"
        );
    }

    /// No run that ended with 65 has a warning with this text.
    #[track_caller]
    pub(crate) fn assert_never(&self, text: &str) {
        let times = self.runs_that_told(text);
        assert!(times == 0, "told by {times} runs: {text:?}: {self:#?}");
    }

    fn runs_that_told(&self, text: &str) -> usize {
        let told = self.0.iter().filter(|run| {
            let has = run.warnings.iter().any(|warning| warning.contains(text));
            run.code == LOOK && has
        });
        told.count()
    }
}
