//! Collects the e-mail gateway logs that wait at Mimecast and publishes them for the agent.

use std::process::ExitCode;

fn main() -> ExitCode {
    mimecast_collector::siem_collection()
}
