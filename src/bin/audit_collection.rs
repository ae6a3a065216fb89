//! Collects the audit events since the last run and leaves them for the agent.

use std::process::ExitCode;

use mimecast_collector::audit::{self, Events};
use mimecast_collector::run;

fn main() -> ExitCode {
    run::collect(&audit::PROGRAM, |run| {
        for stream in run.open(audit::streams())? {
            let mut events = Events::waiting(run, &stream.spool)?;
            run.drain(stream, &mut events)?;
        }
        Ok(())
    })
}
