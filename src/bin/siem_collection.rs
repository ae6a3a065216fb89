//! Collects the e-mail gateway logs that are waiting in Mimecast and leaves them for the agent.

use std::process::ExitCode;

use mimecast_collector::{run, siem};

fn main() -> ExitCode {
    run::collect(&siem::PROGRAM, siem::collect)
}
