//! One member of an archive, read to its end.

use std::fmt;
use std::io::{self, Read};

use super::{Member, State};

impl Member<'_> {
    /// Returns the name in the archive, as text. Never use it as a path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// True if the caller has read the whole content and it has verified.
    pub fn is_whole(&self) -> bool {
        matches!(self.state, State::Whole)
    }

    /// True if reading this member has failed. Any other error is the caller's own.
    pub fn is_faulty(&self) -> bool {
        matches!(self.state, State::Faulty(_))
    }
}

impl Read for Member<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.state {
            State::Reading if !buffer.is_empty() => {}
            State::Reading | State::Whole => return Ok(0),
            State::Faulty(why) => return Err(io::Error::new(io::ErrorKind::InvalidData, &**why)),
        }
        let why = match self.content.read(buffer) {
            Ok(0) if self.unpacked == self.declared => {
                self.state = State::Whole;
                return Ok(0);
            }
            Ok(0) => format!(
                "{} bytes unpacked, {} declared",
                self.unpacked, self.declared
            ),
            Ok(count) => {
                self.unpacked += count as u64;
                if self.unpacked <= self.declared {
                    return Ok(count);
                }
                format!("more than the declared {} bytes", self.declared)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => error.to_string(),
        };
        self.state = State::Faulty(why.clone());
        Err(io::Error::new(io::ErrorKind::InvalidData, why))
    }
}

impl fmt::Debug for Member<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Member").field(&self.name).finish()
    }
}
