//! `nextPage`: a place in one type's list, in a text that tells nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A token that was seen on a sister endpoint: every range in it is empty.
const DEAD: &str = "[attachment_protect=0-0,url_protect=0-0]:0:null";

/// Returns the token that yields nothing for ever.
pub(super) fn dead() -> String {
    STANDARD.encode(DEAD)
}

/// The recorded ones are standard base64 with its padding, too: `+`, `/` and `=` have to be encoded in a query.
pub(crate) fn mint(log_type: &str, offset: usize, turn: u32) -> String {
    let place = [offset as u32, turn].map(u32::to_be_bytes).concat();
    let seal = seal(log_type, &place);
    STANDARD.encode([place.as_slice(), &seal].concat())
}

/// The place and the turn that a text of [`mint`] tells; `None` for any other text, also one of another type.
///
/// Nothing is remembered between mint and use: the text alone decides, also after a restart of the sandbox.
pub(super) fn read(log_type: &str, text: &str) -> Option<(usize, u32)> {
    let bytes = STANDARD.decode(text).ok()?;
    let (place, sealed) = bytes.split_at_checked(8)?;
    if sealed != seal(log_type, place) {
        return None;
    }
    let offset = place.first_chunk().copied().map(u32::from_be_bytes)?;
    let turn = place.last_chunk().copied().map(u32::from_be_bytes)?;
    Some((usize::try_from(offset).ok()?, turn))
}

fn seal(log_type: &str, place: &[u8]) -> [u8; 11] {
    let seed = log_type.bytes().chain(place.iter().copied());
    let seed = seed.fold(0xcbf2_9ce4_8422_2325, |seed: u64, byte| {
        (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut seal = [0; 11];
    fastrand::Rng::with_seed(seed).fill(&mut seal);
    seal
}
