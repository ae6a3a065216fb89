//! The command line: the same switches for all three programs.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, ColorChoice, Command};

use super::Program;
use super::speak::Speaker;
use crate::report::{CODES, Code, Failure, Report};

/// Switches of every program.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Common {
    /// Configuration file, instead of the usual places
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Say more on standard error; twice for details
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Print one JSON document on standard output, also on failure
    #[arg(long)]
    pub(crate) json: bool,
    /// No colour
    #[arg(long)]
    pub(crate) no_color: bool,
}

const PLACES: &str = "\
Without --config the configuration is $MIMECAST_CONFIG, else config.toml beside the program or in \
the folder above, else mimecast-collector/config.toml in the user's configuration folder, else \
/etc/mimecast-collector/config.toml (%ProgramData% on Windows). The log is in the log/ folder \
beside it unless it says otherwise.";

/// Reads a collector's command line; an error is a code to end with, already explained.
pub(super) fn collector(program: &Program) -> Result<Common, ExitCode> {
    parse::<Common>(program.program, program.about)
}

/// Reads a program's command line; an error is a code to end with, already explained.
pub(crate) fn parse<A: Args>(program: &'static str, about: &'static str) -> Result<A, ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let color = if has("--no-color") {
        ColorChoice::Never
    } else {
        ColorChoice::Auto
    };
    let command = Command::new(program)
        .version(env!("CARGO_PKG_VERSION"))
        .about(about)
        .color(color)
        .after_help("See --help for exit codes and places.")
        .after_long_help(format!("{PLACES}\n\n{CODES}"));
    let parsed = A::augment_args(command)
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
        if has("--json") {
            let common = Common {
                json: true,
                quiet: true,
                ..Common::default()
            };
            let text = error.to_string();
            let text = text
                .lines()
                .next()
                .unwrap_or_default()
                .trim_start_matches("error: ");
            let failure = Failure::new(Code::Usage, text, format!("{program} --help"));
            return Speaker::new(program, &common)
                .end(&Report::default(), Some(&failure))
                .into();
        }
        let _ = error.print();
        Code::Usage.into()
    })
}
