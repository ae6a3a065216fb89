//! Connects a Mimecast account: finds its region, obtains or checks the keys, stores them.

use std::process::ExitCode;

fn main() -> ExitCode {
    mimecast_collector::authentication_setup()
}
