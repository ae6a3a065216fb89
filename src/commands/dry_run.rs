//! `--dry-run`: asks Mimecast once for each stream, and shows what a run would begin with. Nothing is written, and
//! no position moves.

use std::sync::Arc;

use serde::Serialize;

use super::collect::identity;
use super::collector::Collector;
use crate::api::Client;
use crate::clock::Clock;
use crate::collect::{Context, Waiting};
use crate::config::{Config, Environment};
use crate::durable::SystemDisk;
use crate::failure::{Code, Failure, Reach};
use crate::run::output::Output;
use crate::spool::{self, View};

/// The document of `--json`.
#[derive(Serialize)]
struct Asked {
    schema: u32,
    program: &'static str,
    streams: Vec<Row>,
}

/// The answer for one stream.
#[derive(Serialize)]
struct Row {
    stream: String,
    #[serde(flatten)]
    waiting: Option<Waiting>,
    /// The reason why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

/// Asks for each stream and prints the answers.
///
/// # Errors
/// The most urgent failure of a stream, after the answers of all are printed.
pub fn run(
    collector: &'static Collector,
    config: Config,
    clock: Clock,
    output: &Output,
) -> Result<(), Failure> {
    config.require_setup()?;
    let identity = identity(&config, &Environment::of_process())?;
    let clock = clock.with_budget(config.run.budget);
    let (base, app_id) = (config.mimecast.base_url.clone(), &config.mimecast.app_id);
    let client = Client::new(base, app_id, identity, &config.network, clock.clone())?;
    let context = Context {
        config,
        client: Arc::new(client),
        clock,
        range: None,
    };
    let (mut streams, mut failures) = (Vec::new(), Vec::new());
    for name in collector.stream_names(&context.config) {
        let position = position(&context.config, &name);
        let waiting = position.and_then(|position| (collector.ask)(&context, &name, position));
        let (waiting, failure) = match waiting {
            Ok(waiting) => (Some(waiting), None),
            Err(failure) => {
                let what = failure.what.clone();
                let stops_all = failure.reach == Reach::Run;
                failures.push(failure);
                if stops_all {
                    break;
                }
                (None, Some(what))
            }
        };
        streams.push(Row {
            stream: name,
            waiting,
            failure,
        });
    }
    let asked = Asked {
        schema: 1,
        program: collector.program.executable,
        streams,
    };
    match failures
        .into_iter()
        .min_by_key(|failure| failure.code.urgency())
    {
        // one document only: that of the failure
        Some(failure) if output.is_for_machines() => Err(failure),
        worst => {
            output.show_lines(&asked, || asked.text());
            worst.map_or(Ok(()), Err)
        }
    }
}

/// Returns the saved position of a stream.
fn position(config: &Config, stream: &str) -> Result<Option<String>, Failure> {
    match spool::view(&SystemDisk, &config.folders.state, stream)? {
        View::Absent => Ok(None),
        View::Read(facts) if facts.account == config.mimecast.account_code => Ok(facts.position),
        View::Read(facts) => {
            let what = format!("the state of {stream} belongs to account {}", facts.account);
            let remedy = "connect this account again with authentication_setup, or name another state \
                          folder in config.toml";
            Err(Failure::new(Code::Config, what, remedy))
        }
        View::Unreadable(why) => {
            let what = format!("the state of {stream} cannot be used: {why}");
            let remedy = "run the collector, which continues from the second copy of the state";
            Err(Failure::new(Code::Config, what, remedy))
        }
    }
}

impl Asked {
    fn text(&self) -> String {
        let widest = self.streams.iter().map(|row| row.stream.len()).max();
        let width = widest.unwrap_or_default();
        let line = |row: &Row| {
            let what = match (&row.waiting, &row.failure) {
                (Some(waiting), _) => waiting.to_string(),
                (None, failure) => failure.clone().unwrap_or_default(),
            };
            format!("{:width$}  {what}\n", row.stream)
        };
        let mut text: String = self.streams.iter().map(line).collect();
        let is_known = |row: &Row| {
            let waiting = row.waiting.as_ref();
            waiting.is_some_and(|waiting| waiting.known && waiting.count > 0)
        };
        if self.streams.iter().any(is_known) {
            text += "A run skips what is published already.\n";
        }
        text
    }
}
