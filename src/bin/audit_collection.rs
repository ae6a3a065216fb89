//! Collects the audit events since the last run and leaves them for the agent.

use std::process::ExitCode;

use mimecast_collector::audit::{Events, STREAM};
use mimecast_collector::run;

fn main() -> ExitCode {
    run::collect(&STREAM, |run, spool| {
        let mut events = Events::waiting(run, spool)?;
        while let Some(ready) = events.next(spool)? {
            run.store(spool, ready)?;
        }
        Ok(())
    })
}
