//! Connects a Mimecast account: finds its region, gets or checks its keys, and stores them.

use std::process::ExitCode;

fn main() -> ExitCode {
    mimecast_collector::authentication_setup()
}
