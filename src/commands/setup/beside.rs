//! The commands of `authentication_setup` beside the setup itself.

use std::process::ExitCode;

use super::flags::{Command, Flags};
use super::{ABOUT, PROGRAM};
use crate::commands::{agent_config, check, describe, schedule};
use crate::config::{self, Config, Environment};
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::run::arguments::{self, Common};
use crate::run::guarded;
use crate::run::output::Output;

/// Runs a command instead of the setup.
pub(super) fn run(command: &Command, common: &Common, output: &Output) -> ExitCode {
    let mut code = Code::Done;
    let failure = guarded(|| {
        refuse_json(command, output)?;
        let line = arguments::command::<Flags>(PROGRAM, ABOUT);
        let mut text = Vec::new();
        let described = match command {
            Command::Import(_) => unreachable!("it is a setup"),
            Command::Check => {
                code = check::run(PROGRAM, common, output)?;
                return Ok(());
            }
            Command::Schedule(flags) => {
                let (config, environment) = load(common)?;
                return schedule::run(flags, &config, &environment, output);
            }
            Command::AgentConfig { agent } => {
                let (config, _) = load(common)?;
                let settings = agent_config::settings(agent, &config.folders.data);
                text.extend(settings.unwrap_or_default().into_bytes());
                Ok(())
            }
            Command::Completions { shell } => describe::completions(*shell, line, &mut text),
            Command::Man { program } => describe::man(program, line, &mut text),
        };
        described.expect("memory takes all");
        output.print(&text);
        Ok(())
    });
    match failure {
        None => code.into(),
        Some(failure) => output.end(&Report::default(), Some(&failure)).into(),
    }
}

/// Refuses `--json` for the commands whose output is a file of another program.
fn refuse_json(command: &Command, output: &Output) -> Result<(), Failure> {
    let name = match command {
        Command::AgentConfig { .. } => "agent-config",
        Command::Completions { .. } => "completions",
        Command::Man { .. } => "man",
        Command::Import(_) | Command::Check | Command::Schedule(_) => return Ok(()),
    };
    if !output.is_for_machines() {
        return Ok(());
    }
    let what = format!("--json does not go with {name}, whose output is a file as it is");
    Err(Failure::new(Code::Usage, what, "leave --json out"))
}

/// Returns the configuration that a command needs, and the environment.
fn load(common: &Common) -> Result<(Config, Environment), Failure> {
    let environment = Environment::of_process();
    let path = config::find(common.config.as_deref(), &environment)?;
    Ok((Config::load(&path, &environment)?, environment))
}
