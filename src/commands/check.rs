//! `authentication_setup check`: one line and one remedy for each thing that can be wrong. Changes nothing here, and
//! sends one marked event to each destination.

mod local;
mod remote;

use std::path::Path;

use serde::Serialize;

use super::collector::all_watched;
use crate::clock::{self, Clock};
use crate::config::{self, Config, Environment};
use crate::failure::{Code, Failure};
use crate::history;
use crate::monitor::{self, Overview, escaped};
use crate::run;
use crate::run::arguments::Common;
use crate::run::invocation::Invocation;
use crate::run::output::Output;

/// The document of `--json`.
#[derive(Serialize)]
struct Checked {
    schema: u32,
    program: &'static str,
    config: Option<String>,
    code: u8,
    checks: Vec<Finding>,
}

/// What a check found.
#[derive(Serialize)]
pub(super) struct Finding {
    /// What was checked.
    name: &'static str,
    /// `ok`, `look` for advice, `bad` for what keeps the collectors from working.
    state: &'static str,
    /// What was found.
    text: String,
    /// What to do about it.
    remedy: Option<String>,
    #[serde(skip)]
    code: Code,
}

impl Finding {
    pub(super) fn ok(name: &'static str, text: impl Into<String>) -> Self {
        Self {
            name,
            state: "ok",
            text: text.into(),
            remedy: None,
            code: Code::Done,
        }
    }

    /// Something that may be as it should, and that a person should look at.
    pub(super) fn advice(
        name: &'static str,
        text: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            name,
            state: "look",
            text: text.into(),
            remedy: Some(remedy.into()),
            code: Code::Look,
        }
    }

    pub(super) fn bad(name: &'static str, failure: impl Into<Failure>) -> Self {
        let failure = failure.into();
        Self {
            name,
            state: "bad",
            text: failure.what,
            remedy: Some(failure.remedy).filter(|remedy| !remedy.is_empty()),
            code: failure.code,
        }
    }
}

/// Runs all checks, prints them, and returns the most urgent code.
///
/// # Errors
/// The signals cannot be caught.
pub fn run(program: &'static str, common: &Common, output: &Output) -> Result<Code, Failure> {
    let clock = run::start_clock()?;
    let environment = Environment::of_process();
    let mut checks = Vec::new();
    let found = config::find(common.config.as_deref(), &environment);
    let path = found.as_deref().ok().map(Path::to_owned);
    match found.and_then(|path| Config::load(&path, &environment)) {
        Err(error) => checks.push(Finding::bad("configuration", error)),
        Ok(config) => check_all(&config, &environment, &clock, &mut checks),
    }
    if let Some(path) = &path {
        let invocation = Invocation::of(path, &environment);
        if let Err(failure) = invocation.refuse_root(program) {
            checks.insert(0, Finding::bad("user", failure));
        }
        for check in &mut checks {
            let remedy = check.remedy.take();
            check.remedy = remedy.map(|text| invocation.completed(&text));
        }
    }
    let code = checks
        .iter()
        .map(|check| check.code)
        .max_by_key(|code| urgency(*code));
    let code = code.unwrap_or(Code::Done);
    let checked = Checked {
        schema: 1,
        program,
        config: path.map(|path| path.display().to_string()),
        code: code as u8,
        checks,
    };
    output.show(&checked, || checked.text());
    Ok(code)
}

fn check_all(config: &Config, environment: &Environment, clock: &Clock, checks: &mut Vec<Finding>) {
    checks.push(local::configuration(config));
    checks.extend(local::folders(config));
    checks.push(local::agent(config));
    checks.extend(local::space(config));
    match local::identity(config, environment) {
        Err(error) => checks.push(Finding::bad("secrets", error)),
        Ok(identity) => {
            checks.push(Finding::ok("secrets", "only their owner can read them"));
            checks.extend(remote::all(config, identity, clock));
        }
    }
    checks.extend(remote::destinations(config, environment, clock));
    let overviews = monitor::overviews(&all_watched(config), clock::now());
    checks.extend(overviews.iter().flat_map(of_history));
}

/// Checks that a collector runs and can use its state, and that events arrive.
fn of_history(overview: &Overview) -> Vec<Finding> {
    let program = overview.program;
    let is_recent =
        |run: &monitor::RunOverview| overview.now - run.began < chrono::TimeDelta::hours(2);
    let mut findings = vec![match &overview.last_run {
        Some(run) if is_recent(run) => {
            Finding::ok("schedule", format!("{program} ran in the last two hours"))
        }
        _ => Finding::advice(
            "schedule",
            format!("{program} did not run in the last two hours"),
            "schedule it every 30 minutes: authentication_setup schedule",
        ),
    }];
    if let Some(run) = &overview.last_run
        && run.needs_person()
    {
        let message = run.message.as_deref().unwrap_or_default();
        let what = format!(
            "the last run of {program} ended with {}: {message}",
            run.code
        );
        findings.push(Finding::advice(
            "last run",
            what,
            format!("run {program} history"),
        ));
    }
    for stream in &overview.streams {
        if let Some(why) = &stream.unreadable {
            let what = format!("the state of {} cannot be used: {why}", stream.name);
            let remedy =
                "start the newest version of the collectors, or see docs/troubleshooting.md";
            findings.push(Finding::bad(
                "state",
                Failure::new(Code::Config, what, remedy),
            ));
        }
    }
    let events = overview.streams.iter().map(|stream| stream.week.events);
    findings.push(match history::sum(events) {
        0 => Finding::advice(
            "events",
            format!("{program} published no event in seven days"),
            "if the account has mail, switch on enhanced logging: docs/prepare-mimecast.md",
        ),
        _ => Finding::ok(
            "events",
            format!("{program} published events in seven days"),
        ),
    });
    let notes = overview.notes.iter();
    let notes = notes.map(|note| Finding::advice("history", note, "see the state folder"));
    findings.extend(notes);
    findings
}

/// Returns a larger number for a code that a person should see first.
const fn urgency(code: Code) -> u8 {
    match code {
        Code::Done => 0,
        Code::Look => 1,
        Code::Later => 2,
        Code::NotUnderstood => 3,
        Code::Disk => 4,
        Code::Denied => 5,
        _ => 6,
    }
}

impl Checked {
    fn text(&self) -> String {
        let mut text = String::new();
        for check in &self.checks {
            let Finding {
                name,
                state,
                text: what,
                remedy,
                ..
            } = check;
            text += &columns(&format!("{state:5}{name:14}"), what);
            if let Some(remedy) = remedy {
                text += &columns(&" ".repeat(INDENT), &format!("to do: {remedy}"));
            }
        }
        text
    }
}

/// The width of the first two columns.
const INDENT: usize = 19;

/// Returns a text behind the first two columns, in lines of at most 80 columns.
fn columns(first: &str, text: &str) -> String {
    let blank = " ".repeat(INDENT);
    monitor::filled(&escaped(text), (first, &blank)) + "\n"
}
