//! What the targets and the seeds share: a writer of archives that can lie, sealed state records,
//! and text that is told from everything that a program says by itself.

pub mod zips;

use sha2::{Digest as _, Sha256};

/// Stands where a secret could stand; no message of the programs holds it by chance.
pub const CANARY: &str = "Canary7Secret";

/// A state record whose checksum is right, whatever it says.
#[must_use]
pub fn sealed(body: &[u8]) -> Vec<u8> {
    let digest = hex(&Sha256::digest(body));
    [
        format!("mimecast-collector-state {digest}\n").as_bytes(),
        body,
        b"\n",
    ]
    .concat()
}

/// Lower-case hex of the SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether text stays on one line for every reader of lines.
#[must_use]
pub fn is_one_line(text: &str) -> bool {
    !text.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
}
