//! Damaged bytes are fetched once more, and the two copies decide what is believed.

use crate::api::ApiError;
use crate::spool::Scratch;

/// What two copies show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belief {
    /// The second copy verifies: the first was damaged on the way.
    Second,
    /// Both copies are the same: this is what Mimecast has.
    Same,
    /// Both copies are damaged, and differently: nothing is known yet.
    Differs,
}

/// Compares a damaged copy with a second one.
///
/// # Errors
/// [`ApiError::Sink`] when a copy cannot be read.
pub(super) fn compare(
    first: &mut Scratch,
    second: &mut Scratch,
    is_second_whole: bool,
) -> Result<Belief, ApiError> {
    if is_second_whole {
        return Ok(Belief::Second);
    }
    let first = first.fingerprint().map_err(ApiError::Sink)?;
    let second = second.fingerprint().map_err(ApiError::Sink)?;
    Ok(if first == second {
        Belief::Same
    } else {
        Belief::Differs
    })
}
