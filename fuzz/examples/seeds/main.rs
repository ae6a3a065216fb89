//! Writes the seeds again. `fuzz/README.md` names the command.
//!
//! All of them are made up. Files in `fuzz/corpus/` with other names stay.

mod packed;
mod pages;
mod replies;
mod saved;
mod texts;

use std::path::Path;
use std::{fs, io};

/// An audit event.
const EVENT: &str = r#"{"id":"eNo1","auditType":"User Logged On","user":"svc@example.com","eventTime":"2026-11-20T10:43:25+0000","eventInfo":"Successful authentication for svc@example.com <Svc>, Date: 2026-11-20, IP: 192.0.2.9, Method: Cloud","category":"authentication_logs"}"#;

fn main() -> io::Result<()> {
    packed::write()?;
    pages::write()?;
    replies::write()?;
    saved::write()?;
    texts::write()
}

/// Writes one seed of a target.
#[expect(
    clippy::disallowed_methods,
    reason = "seeds are no data of an operator"
)]
fn put(target: &str, name: &str, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}
