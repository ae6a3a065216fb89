//! Collects the e-mail gateway logs that are waiting in Mimecast and leaves them for the agent.

use std::process::ExitCode;

use mimecast_collector::{run, siem};

fn main() -> ExitCode {
    run::collect(&siem::PROGRAM, |run| {
        let streams = siem::streams(run)?;
        for stream in run.open(streams)? {
            let mut source = siem::source(run, &stream);
            run.drain(stream, source.as_mut())?;
        }
        Ok(())
    })
}
