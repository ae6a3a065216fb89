//! One marked event for a destination, which shows that it takes events.

use sha2::{Digest as _, Sha256};

use super::batch::{Batch, Source};
use super::verdict::{Fate, Trouble, Verdict};
use super::{Setting, open};
use crate::config::Destination;
use crate::durable::sealed;
use crate::failure::{Code, Failure};
use crate::logs;
use crate::spool::{FileName, Queued};

/// Sends one marked event.
///
/// # Errors
/// The destination does not take it, or cannot be reached.
pub fn send_one(setting: Setting<'_>, destination: &Destination) -> Result<(), Failure> {
    let now = setting.clock.now();
    let line = format!(
        "datetime={}|type=test|text=A test of the Mimecast collector, not an event|destination={}\n",
        now.format("%Y-%m-%dT%H:%M:%S+0000"),
        destination.name
    );
    let sha256: [u8; 32] = Sha256::digest(&line).into();
    let queued = Queued {
        number: u64::try_from(now.timestamp_millis()).unwrap_or_default(),
        index: 0,
        folder: (*destination.folders.first().unwrap_or(&logs::GATEWAY_FOLDER)).to_owned(),
        stream: "test".to_owned(),
        name: FileName::of_content("test", &sealed::hex(&sha256)),
    };
    let mut batch = Batch::of(Source::new(queued, sha256));
    batch.push(0, line.as_bytes());
    let mut sender = open(setting, destination)?;
    let later = |why: String| {
        let trouble = format!("delivery {} unreachable", destination.name);
        let remedy = "check that the destination runs, its address, and the network";
        Failure::later(trouble, why, remedy)
    };
    let needs = |code, Trouble { what, remedy }| Failure::new(code, what, remedy);
    let correct = "correct [[destination]] in config.toml, or the far end";
    match sender.send(batch.part(&[0])) {
        Verdict::Delivered => Ok(()),
        Verdict::Each(fates) => match fates.into_iter().next() {
            Some(Fate::Refused(why)) => Err(Failure::new(Code::Config, why, correct)),
            Some(Fate::Delivered) => Ok(()),
            _ => Err(later("it has no room for an event now".to_owned())),
        },
        Verdict::Refused(why) | Verdict::TooLarge(why) => {
            Err(Failure::new(Code::Config, why, correct))
        }
        Verdict::Denied(trouble) => Err(needs(Code::Denied, trouble)),
        Verdict::Misconfigured(trouble) => Err(needs(Code::Config, trouble)),
        Verdict::SlowDown(_, why) | Verdict::Broken(why) | Verdict::Unknown(why) => Err(later(why)),
        Verdict::NotUnderstood(why) => Err(Failure::new(Code::NotUnderstood, why, correct)),
    }
}
