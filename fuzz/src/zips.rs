//! Writes archives, entry by entry. Each entry can be false in one way.

use std::io::Write as _;

use arbitrary::Arbitrary;
use flate2::Compression;
use flate2::write::DeflateEncoder;

/// The plan of an archive.
#[derive(Arbitrary, Clone, Debug, Default)]
pub struct Plan {
    /// The entries, of which the first twelve are written.
    pub entries: Vec<Entry>,
    /// The bytes after the end record, cut to 40.
    pub comment: Vec<u8>,
    /// True for end records of the zip64 form.
    pub is_zip64: bool,
}

/// One entry.
#[derive(Arbitrary, Clone, Debug, Default)]
pub struct Entry {
    /// The name, cut to 40 characters. A number before it makes it unique.
    pub name: String,
    /// The content.
    pub data: Vec<u8>,
    /// The number of repetitions of the content.
    pub repeats: u8,
    /// True if the content is not compressed.
    pub is_stored: bool,
    /// True if the sizes follow the data.
    pub is_streamed: bool,
    /// True if the sizes are in the zip64 field.
    pub is_zip64: bool,
    /// The false statement about this entry, if there is one.
    pub lie: Option<Lie>,
}

/// A false statement in header or directory.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Lie {
    /// A checksum of other content.
    Checksum(u32),
    /// A wrong unpacked size.
    Size(u32),
    /// A wrong packed size.
    Packed(u32),
    /// A wrong offset.
    Offset(u32),
    /// Flags such as encryption.
    Flags(u16),
    /// A wrong method.
    Method(u16),
    /// The mode of a link or a device.
    Mode(u16),
    /// A local header with another name.
    LocalName,
}

impl Plan {
    /// True if every entry is true.
    #[must_use]
    pub fn is_honest(&self) -> bool {
        self.entries().all(|entry| entry.lie.is_none())
    }

    /// Returns the entries that are written.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().take(12)
    }

    /// Returns the bytes of the archive.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let (mut file, mut directory) = (Vec::new(), Vec::new());
        let mut count = 0_u16;
        for entry in self.entries() {
            entry.write(count, &mut file, &mut directory);
            count += 1;
        }
        let start = file.len() as u32;
        let size = directory.len() as u32;
        file.extend(directory);
        if self.is_zip64 {
            large_end(&mut file, count.into(), size.into(), start.into());
        }
        file.extend(b"PK\x05\x06\0\0\0\0");
        let count = if self.is_zip64 { 0xFFFF } else { count };
        file.extend([count; 2].map(u16::to_le_bytes).concat());
        file.extend([size, start].map(u32::to_le_bytes).concat());
        let comment = &self.comment[..self.comment.len().min(40)];
        file.extend((comment.len() as u16).to_le_bytes());
        file.extend(comment);
        file
    }
}

fn large_end(file: &mut Vec<u8>, count: u64, size: u64, start: u64) {
    let at = file.len() as u64;
    file.extend(b"PK\x06\x06");
    file.extend(44_u64.to_le_bytes());
    file.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend([count, count, size, start].map(u64::to_le_bytes).concat());
    file.extend(b"PK\x06\x07\0\0\0\0");
    file.extend(at.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
}

impl Entry {
    /// Returns the name in the archive.
    #[must_use]
    pub fn full_name(&self, number: u16) -> String {
        let name: String = self.name.chars().take(40).collect();
        format!("{number}{name}")
    }

    /// Returns the unpacked content.
    #[must_use]
    pub fn content(&self) -> Vec<u8> {
        self.data.repeat(usize::from(self.repeats) + 1)
    }

    fn packed(&self, content: &[u8]) -> Vec<u8> {
        if self.is_stored {
            return content.to_vec();
        }
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).expect("memory takes all");
        encoder.finish().expect("memory takes all")
    }

    fn write(&self, number: u16, file: &mut Vec<u8>, directory: &mut Vec<u8>) {
        let name = self.full_name(number).into_bytes();
        let content = self.content();
        let packed = self.packed(&content);
        let mut sizes = [packed.len() as u32, content.len() as u32];
        let mut checksum = crc32fast::hash(&content);
        let mut offset = file.len() as u32;
        let mut flags = 0x800 | if self.is_streamed { 8 } else { 0 };
        let mut method = if self.is_stored { 0 } else { 8 };
        let mut mode = 0o100_644;
        let mut local_name = name.clone();
        match self.lie {
            None => {}
            Some(Lie::Checksum(other)) => checksum = other,
            Some(Lie::Packed(other)) => sizes[0] = other,
            Some(Lie::Size(other)) => sizes[1] = other,
            Some(Lie::Offset(other)) => offset = other,
            Some(Lie::Flags(other)) => flags = other,
            Some(Lie::Method(other)) => method = other,
            Some(Lie::Mode(other)) => mode = other,
            Some(Lie::LocalName) => local_name.reverse(),
        }
        let (short, extra) = if self.is_zip64 {
            let long = [u64::from(sizes[1]), u64::from(sizes[0])];
            let extra = [&[1, 0, 16, 0][..], &long.map(u64::to_le_bytes).concat()].concat();
            ([u32::MAX; 2], extra)
        } else {
            (sizes, Vec::new())
        };
        let common = [45, flags, method, 0, 0x5D74]
            .map(u16::to_le_bytes)
            .concat();
        let sums = [checksum, short[0], short[1]]
            .map(u32::to_le_bytes)
            .concat();
        let lengths = [name.len() as u16, extra.len() as u16]
            .map(u16::to_le_bytes)
            .concat();
        let is_streamed = flags & 8 != 0;

        file.extend(b"PK\x03\x04");
        file.extend(&common);
        file.extend(if is_streamed {
            vec![0; 12]
        } else {
            sums.clone()
        });
        file.extend(&lengths);
        file.extend(&local_name);
        file.extend(&extra);
        file.extend(packed);
        if is_streamed {
            file.extend(b"PK\x07\x08");
            file.extend(&sums);
        }
        directory.extend(b"PK\x01\x02\x2D\x03");
        directory.extend(&common);
        directory.extend(&sums);
        directory.extend(&lengths);
        directory.extend([0; 6]);
        directory.extend((u32::from(mode) << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(&name);
        directory.extend(&extra);
    }
}
