//! Connects a Mimecast account: finds its region, obtains or checks the keys, stores them.

use std::process::ExitCode;

use mimecast_collector::setup;

fn main() -> ExitCode {
    setup::run(|setup| {
        let answers = setup.ask()?;
        setup.prepare_folders(&answers)?;
        let region = setup.region(&answers)?;
        let connected = setup.connect(&answers, &region)?;
        setup.save(&answers, &connected)?;
        setup.verify(&connected)
    })
}
