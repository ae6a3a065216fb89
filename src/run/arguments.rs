//! The command line: the same switches for all three programs.

use std::error::Error as _;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, ColorChoice, Command};

use super::output::Output;
use crate::failure::{CODES, Code, Failure};
use crate::report::Report;

/// Switches of every program.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// Configuration file, instead of the usual places
    #[arg(long, value_name = "PATH", global = true)]
    pub config: Option<PathBuf>,
    /// Print more on standard error; twice for details
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Print only errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Print one JSON document on standard output, also on failure
    #[arg(long, global = true)]
    pub json: bool,
    /// Print without colour
    #[arg(long, global = true)]
    pub no_color: bool,
}

const PLACES: &str = "\
Without --config the configuration is $MIMECAST_CONFIG, else config.toml beside the program or in \
the folder above, else mimecast-collector/config.toml in the user's configuration folder, else \
/etc/mimecast-collector/config.toml (%ProgramData% on Windows). The log is in the folder log/ \
beside it, unless the configuration names another.";

/// Returns the command line of a program, which also describes itself to shells and as a manual page.
pub fn command<A: Args>(program: &'static str, about: &'static str) -> Command {
    A::augment_args(Command::new(program))
        .version(env!("CARGO_PKG_VERSION"))
        .about(about) // replaces the text that the switches bring
        .long_about(about)
        .disable_help_subcommand(true)
        .after_help("See --help for exit codes and the places of files.")
        .after_long_help(format!("{PLACES}\n\n{CODES}"))
}

/// Reads a program's command line. An error is the exit code; the message is already printed.
pub fn parse<A: Args>(program: &'static str, about: &'static str) -> Result<A, ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let color = if has("--no-color") {
        ColorChoice::Never
    } else {
        ColorChoice::Auto
    };
    let parsed = command::<A>(program, about)
        .color(color)
        .try_get_matches_from(&arguments)
        .and_then(|matches| A::from_arg_matches(&matches));
    parsed.map_err(|error| {
        if matches!(
            error.kind(),
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
        ) {
            let _ = error.print(); // a closed pipe is not our failure
            return Code::Done.into();
        }
        let common = Common {
            json: has("--json"),
            ..Common::default()
        };
        let failure = Failure::new(
            Code::Usage,
            explain(&error),
            format!("see {program} --help"),
        );
        Output::new(program, common.quiet, common.json)
            .end(&Report::default(), Some(&failure))
            .into()
    })
}

/// The clause of a parser that refuses the value of a flag: what it expects. The clause must not repeat the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Expected(pub String);

/// Reads a length of time.
///
/// # Errors
/// What is expected instead.
pub fn duration(text: &str) -> Result<Duration, Expected> {
    humantime::parse_duration(text)
        .map_err(|_| Expected("expected a length of time, such as 90s, 10m or 2h".to_owned()))
}

/// Returns the mistake in one line. It never repeats a value, because a value may be a misplaced secret.
fn explain(error: &clap::Error) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) if !texts.is_empty() => Some(texts.join(", ")),
        _ => None,
    };
    let flag = text(ContextKind::InvalidArg).filter(|word| word.starts_with('-'));
    let name = |flag: &str| flag.split(['=', ' ']).next().unwrap_or_default().to_owned();
    let flag = flag.as_deref().map(name);
    let meant = text(ContextKind::SuggestedArg).map(|flag| format!(": did you mean {flag}?"));
    let valid = text(ContextKind::ValidValue).map(|values| format!(": expected one of {values}"));
    let hint = meant.or(valid).unwrap_or_default();
    // a placeholder such as <AGENT> is a name of ours, not what was typed
    let place = text(ContextKind::InvalidArg).filter(|word| word.starts_with('<'));
    match (error.kind(), flag) {
        (ErrorKind::InvalidSubcommand, _) => {
            let meant = text(ContextKind::SuggestedSubcommand);
            // the parser lists the most similar command last
            let hint = meant.map(|commands| {
                let command = commands.rsplit(", ").next().unwrap_or_default();
                format!(": did you mean {command}?")
            });
            format!("an unknown command{}", hint.unwrap_or_default())
        }
        (ErrorKind::MissingRequiredArgument, _) => {
            let missing = text(ContextKind::InvalidArg).unwrap_or_default();
            format!("not given: {missing}")
        }
        (ErrorKind::InvalidValue, None) if place.is_some() => {
            format!("unknown {}{hint}", place.unwrap_or_default())
        }
        (ErrorKind::UnknownArgument, Some(flag)) => format!("unknown flag {flag}{hint}"),
        (ErrorKind::UnknownArgument, None) => "an argument without a flag".to_owned(),
        (ErrorKind::ArgumentConflict, Some(flag)) => format!("{flag} is given twice"),
        (ErrorKind::InvalidValue, Some(flag)) => {
            let what = text(ContextKind::InvalidValue).unwrap_or_default();
            let what = if what.is_empty() {
                "needs a value"
            } else {
                "has an unknown value"
            };
            format!("{flag} {what}{hint}")
        }
        (ErrorKind::ValueValidation, Some(flag)) => {
            let expected = error
                .source()
                .and_then(|why| why.downcast_ref::<Expected>());
            expected.map_or_else(
                || format!("{flag} has an unknown value"),
                |Expected(clause)| format!("{flag}: {clause}"),
            )
        }
        (kind, flag) => {
            let what = kind.as_str().unwrap_or("the arguments are wrong");
            flag.map_or(what.to_owned(), |flag| format!("{flag}: {what}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(arguments: &[&str]) -> String {
        let command = Common::augment_args(Command::new("program"));
        let wait = clap::Arg::new("wait").long("wait").value_parser(duration);
        let command = command
            .arg(wait)
            .arg(clap::Arg::new("kind").long("kind").value_parser(["a", "b"]));
        let arguments = ["program"].iter().chain(arguments);
        explain(&command.try_get_matches_from(arguments).unwrap_err())
    }

    #[test]
    fn a_mistake_in_the_arguments_is_one_line_that_repeats_no_value() {
        for (arguments, expected) in [
            (
                &["--confg", "x"][..],
                "unknown flag --confg: did you mean --config?",
            ),
            (&["--password=canary"], "unknown flag --password"),
            (&["canary"], "an argument without a flag"),
            (&["-pcanary"], "unknown flag -p"),
            (&["--config"], "--config needs a value"),
            (
                &["--kind", "canary"],
                "--kind has an unknown value: expected one of a, b",
            ),
            (
                &["--wait", "canary"],
                "--wait: expected a length of time, such as 90s, 10m or 2h",
            ),
            (
                &["--config", "a", "--config", "b"],
                "--config is given twice",
            ),
            (
                &["--quiet=canary"],
                "--quiet: unexpected value for an argument found",
            ),
        ] {
            assert_eq!(refusal(arguments), expected);
        }
    }

    #[test]
    fn of_similar_commands_the_most_similar_is_named() {
        let commands = ["check", "schedule"].map(Command::new);
        let command = Command::new("program").subcommands(commands);
        let error = command
            .try_get_matches_from(["program", "chek"])
            .unwrap_err();
        assert_eq!(explain(&error), "an unknown command: did you mean check?");
    }

    #[test]
    fn a_missing_or_unknown_value_without_a_flag_is_named_by_its_place() {
        let agent = clap::Arg::new("agent").value_name("AGENT").required(true);
        let to = clap::Arg::new("to").long("to").value_name("TIME");
        let command = Command::new("program")
            .arg(agent.value_parser(["x", "y"]))
            .arg(to.required(true));
        for (arguments, expected) in [
            (
                &["program", "canary"][..],
                "unknown <AGENT>: expected one of x, y",
            ),
            (&["program"], "not given: --to <TIME>, <AGENT>"),
            (&["program", "x"], "not given: --to <TIME>"),
        ] {
            let error = command.clone().try_get_matches_from(arguments).unwrap_err();
            assert_eq!(explain(&error), expected);
        }
    }
}
