//! `completions` and `man`: the command lines of all three programs, for shells and as manual pages.

use std::io;

use clap::Command;
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use super::collector;

/// Writes the completions of all programs for a shell.
///
/// # Errors
/// The error of the output.
pub fn completions(shell: Shell, setup: Command, output: &mut dyn io::Write) -> io::Result<()> {
    for mut command in all(setup) {
        let name = command.get_name().to_owned();
        let mut script = Vec::new(); // the generator ends the process if it cannot write
        generate(shell, &mut command, name, &mut script);
        output.write_all(&script)?;
    }
    Ok(())
}

/// Writes the manual page of a program, as roff.
///
/// # Errors
/// The error of the output.
pub fn man(program: &str, setup: Command, output: &mut dyn io::Write) -> io::Result<()> {
    for command in all(setup).filter(|command| command.get_name() == program) {
        Man::new(command).section("8").render(output)?;
    }
    Ok(())
}

fn all(setup: Command) -> impl Iterator<Item = Command> {
    [setup].into_iter().chain(collector::command_lines())
}
