//! Reads a gzip file: the content of its members, up to a verified end of the last.
//!
//! The library's reader of several members fails on bytes after the last member. This one returns
//! the content, and reports such bytes apart.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// The first byte of every member: <https://www.rfc-editor.org/rfc/rfc1952>, section 2.3.1.
const MAGIC: u8 = 0x1f;

/// The content of all members as one stream. At its end, every checksum and every size was correct.
pub(super) struct GzipMembers<R> {
    /// `None` at the end.
    member: Option<GzDecoder<R>>,
    has_garbage: bool,
}

impl<R: BufRead> GzipMembers<R> {
    pub(super) fn new(packed: R) -> Self {
        Self {
            member: Some(GzDecoder::new(packed)),
            has_garbage: false,
        }
    }

    /// True if the end is reached and other bytes follow it. Zeros do not count, because copying in
    /// blocks adds them.
    pub(super) const fn has_garbage(&self) -> bool {
        self.has_garbage
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            // the next bytes are read before anything changes, because reading can fail
            let packed = member.get_mut();
            let next = loop {
                match packed.fill_buf()?.first().copied() {
                    Some(0) => packed.consume(1),
                    next => break next,
                }
            };
            let ended = self.member.take().map(GzDecoder::into_inner);
            if next == Some(MAGIC) {
                self.member = ended.map(GzDecoder::new);
            }
            self.has_garbage = next.is_some_and(|byte| byte != MAGIC);
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use std::io::{BufReader, Write as _};

    fn packed(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    /// A source that returns few bytes at a time and is interrupted before each read.
    struct Restless<'a>(&'a [u8], bool);

    impl Read for Restless<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let few = buffer.len().min(3);
            self.0.read(&mut buffer[..few])
        }
    }

    /// Returns the content, and true if garbage follows it.
    fn read(bytes: &[u8]) -> io::Result<(Vec<u8>, bool)> {
        let mut members = GzipMembers::new(BufReader::with_capacity(5, Restless(bytes, false)));
        let mut found = Vec::new();
        members.read_to_end(&mut found)?;
        Ok((found, members.has_garbage()))
    }

    proptest! {
        #[test]
        fn all_members_are_read_whatever_stands_behind_them(
            contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..5),
            zeros in 0_usize..40,
            garbage in prop::collection::vec(1_u8..0x1f, 0..9),
        ) {
            let mut bytes: Vec<u8> = contents.iter().flat_map(|content| packed(content)).collect();
            bytes.resize(bytes.len() + zeros, 0);
            bytes.extend(&garbage);
            prop_assert_eq!(read(&bytes).unwrap(), (contents.concat(), !garbage.is_empty()));
        }

        #[test]
        fn a_cut_is_an_error_wherever_it_is_within_a_member(
            content in prop::collection::vec(any::<u8>(), 0..50),
            cut in any::<prop::sample::Index>(),
        ) {
            let two = [packed(b"first"), packed(&content)].concat();
            let first = packed(b"first").len();
            let cut = cut.index(two.len());
            prop_assert_eq!(read(&two[..cut]).is_ok(), cut == first);
        }
    }
}
