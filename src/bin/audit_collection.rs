//! Collects the audit events since the last run and leaves them for the agent.

use std::process::ExitCode;

use mimecast_collector::{audit, run};

fn main() -> ExitCode {
    run::collect(&audit::PROGRAM, audit::collect)
}
