//! Collects the audit events since the last run and publishes them for the agent.

use std::process::ExitCode;

fn main() -> ExitCode {
    mimecast_collector::audit_collection()
}
