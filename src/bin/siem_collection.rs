//! Collects the e-mail gateway logs that are waiting in Mimecast and leaves them for the agent.

use std::process::ExitCode;

use mimecast_collector::run;
use mimecast_collector::siem::{Logs, STREAM};

fn main() -> ExitCode {
    run::collect(&STREAM, |run, spool| {
        let mut logs = Logs::waiting(run, spool);
        while let Some(ready) = logs.next(spool)? {
            run.store(spool, ready)?;
        }
        Ok(())
    })
}
