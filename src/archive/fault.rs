//! The faults of an archive, as sentences for people.

use std::fmt;
use std::io;

use zip::result::ZipError;

/// A fault of an archive or of one of its members, as a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(pub(super) String);

impl Fault {
    /// Returns the fault of one member, with a shortened name.
    pub(super) fn of(name: &str, why: &dyn fmt::Display) -> Self {
        let name: String = name.escape_debug().take(60).collect();
        Self(format!("member \"{name}\": {}", sentence(why)))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<ZipError> for Fault {
    fn from(error: ZipError) -> Self {
        Self(sentence(&error))
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self(sentence(&error))
    }
}

/// Returns a message of another crate in the house style. It may hold bytes of the archive, so it
/// is escaped and cut.
fn sentence(message: &dyn fmt::Display) -> String {
    let message = message.to_string();
    let mut characters = message.chars();
    let first = characters.next().into_iter().flat_map(char::to_lowercase);
    first
        .chain(characters)
        .flat_map(char::escape_debug)
        .take(200)
        .collect()
}
