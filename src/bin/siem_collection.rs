//! Collects the e-mail gateway logs that are waiting in Mimecast and leaves them for the agent.

use std::process::ExitCode;

fn main() -> ExitCode {
    mimecast_collector::siem_collection()
}
