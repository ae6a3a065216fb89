//! Compares a damaged copy with a second one, and decides which of them counts.

use crate::api::ApiError;
use crate::spool::Scratch;

/// The result of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// The second copy verifies, so the first was damaged in transfer.
    Second,
    /// Both copies are the same, so Mimecast itself has these bytes.
    Same,
    /// Both copies are damaged, and they differ: the content is not known yet.
    Differs,
}

/// Compares a damaged copy with a second one.
///
/// # Errors
/// [`ApiError::Sink`] if a copy cannot be read.
pub(super) fn compare(
    first: &mut Scratch,
    second: &mut Scratch,
    is_second_whole: bool,
) -> Result<Comparison, ApiError> {
    if is_second_whole {
        return Ok(Comparison::Second);
    }
    let first = first.fingerprint().map_err(ApiError::Sink)?;
    let second = second.fingerprint().map_err(ApiError::Sink)?;
    Ok(if first == second {
        Comparison::Same
    } else {
        Comparison::Differs
    })
}
