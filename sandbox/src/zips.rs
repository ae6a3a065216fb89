//! A zip writer that can also lie: every field that a hostile or damaged archive may hold can be set.

use std::io::Write as _;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// Method: as it is.
pub const STORED: u16 = 0;
/// Method: packed.
pub const DEFLATED: u16 = 8;

/// General-purpose flag: the entry is encrypted.
pub const FLAG_ENCRYPTED: u16 = 1;
/// General-purpose flag: checksum and sizes follow the data instead of standing before it.
pub(crate) const FLAG_DESCRIPTOR: u16 = 1 << 3;
/// General-purpose flag: the name is UTF-8.
pub(crate) const FLAG_UTF8: u16 = 1 << 11;

const LOCAL: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// 2.0: deflate.
const VERSION: u16 = 20;
/// Made by Unix, so that the upper half of the external attributes is a file mode.
const MADE_BY: u16 = (3 << 8) | VERSION;
/// 2026-11-20 00:00.
const DATE: u16 = ((2026 - 1980) << 9) | (11 << 5) | 20;

/// A well-formed archive of deflated entries.
pub fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let entries = members.iter().map(|(name, data)| ZipEntry::new(name, data));
    ZipFile::new(entries).bytes()
}

/// One entry. What is `None` is filled in truthfully.
#[derive(Clone, Debug)]
pub struct ZipEntry {
    /// The name, in whatever bytes.
    pub name: Vec<u8>,
    /// The content before packing.
    pub data: Vec<u8>,
    /// Only [`DEFLATED`] packs; under any other method the data go in as they are.
    pub method: u16,
    /// These bytes in place of the packed data.
    pub packed: Option<Vec<u8>>,
    /// General-purpose flags as the format numbers them, such as [`FLAG_ENCRYPTED`].
    pub flags: u16,
    /// Unix mode in the upper 16 bits.
    pub external_attributes: u32,
    /// The checksum that both headers state.
    pub declared_crc: Option<u32>,
    /// Size before packing, as both headers state it.
    pub declared_size: Option<u32>,
    /// Size after packing, as the directory states it.
    pub declared_packed_size: Option<u32>,
    /// A different name in the header before the data.
    pub local_name: Option<Vec<u8>>,
}

impl ZipEntry {
    /// A deflated regular file.
    pub fn new(name: impl AsRef<[u8]>, data: impl AsRef<[u8]>) -> Self {
        let name = name.as_ref().to_vec();
        let beyond_ascii = !name.is_ascii() && std::str::from_utf8(&name).is_ok();
        Self {
            flags: if beyond_ascii { FLAG_UTF8 } else { 0 },
            name,
            data: data.as_ref().to_vec(),
            method: DEFLATED,
            packed: None,
            external_attributes: 0o100_644 << 16,
            declared_crc: None,
            declared_size: None,
            declared_packed_size: None,
            local_name: None,
        }
    }

    /// A symbolic link to `target`.
    pub fn symlink(name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        Self {
            method: STORED,
            external_attributes: 0o120_777 << 16,
            ..Self::new(name, target)
        }
    }

    /// Not packed.
    pub fn stored(mut self) -> Self {
        self.method = STORED;
        self
    }

    /// Written as a streaming writer does: checksum and sizes only after the data.
    pub fn streamed(mut self) -> Self {
        self.flags |= FLAG_DESCRIPTOR;
        self
    }
}

/// An archive. What is `None` is filled in truthfully.
#[derive(Clone, Debug, Default)]
pub struct ZipFile {
    /// In their order, in the file as in the directory.
    pub entries: Vec<ZipEntry>,
    /// The number of entries that the directory's end states.
    pub declared_count: Option<u16>,
    /// Bytes before the first entry; the stated offsets take them into account.
    pub before: Vec<u8>,
    /// Stands at the end of the directory.
    pub comment: Vec<u8>,
    /// Bytes after the end, which belong to nothing.
    pub after: Vec<u8>,
}

impl ZipFile {
    /// A truthful archive of these.
    pub fn new(entries: impl IntoIterator<Item = ZipEntry>) -> Self {
        Self {
            entries: entries.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The archive's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut file = self.before.clone();
        let mut directory = Vec::new();
        for entry in &self.entries {
            write_entry(entry, &mut file, &mut directory);
        }
        let count = self.entries.len() as u16;
        let declared = self.declared_count.unwrap_or(count);
        let start = file.len() as u32;
        file.extend_from_slice(&directory);
        put(
            &mut file,
            &[Four(END), Two(0), Two(0), Two(declared), Two(declared)],
        );
        put(&mut file, &[Four(directory.len() as u32), Four(start)]);
        put(&mut file, &[Two(self.comment.len() as u16)]);
        file.extend_from_slice(&self.comment);
        file.extend_from_slice(&self.after);
        file
    }
}

enum Number {
    Two(u16),
    Four(u32),
}
use Number::{Four, Two};

fn put(into: &mut Vec<u8>, numbers: &[Number]) {
    for number in numbers {
        match number {
            Two(number) => into.extend_from_slice(&number.to_le_bytes()),
            Four(number) => into.extend_from_slice(&number.to_le_bytes()),
        }
    }
}

fn write_entry(entry: &ZipEntry, file: &mut Vec<u8>, directory: &mut Vec<u8>) {
    let offset = file.len() as u32;
    let packed = entry.packed.clone().unwrap_or_else(|| pack(entry));
    let mut sum = Crc::new();
    sum.update(&entry.data);
    let crc = entry.declared_crc.unwrap_or_else(|| sum.sum());
    let size = entry.declared_size.unwrap_or(entry.data.len() as u32);
    let packed_size = entry.declared_packed_size.unwrap_or(packed.len() as u32);
    let sums = [Four(crc), Four(packed_size), Four(size)];
    let streamed = entry.flags & FLAG_DESCRIPTOR != 0;
    let common = [
        Two(VERSION),
        Two(entry.flags),
        Two(entry.method),
        Two(0),
        Two(DATE),
    ];

    let name = entry.local_name.as_ref().unwrap_or(&entry.name);
    put(file, &[Four(LOCAL)]);
    put(file, &common);
    if streamed {
        put(file, &[Four(0), Four(0), Four(0)]);
    } else {
        put(file, &sums);
    }
    put(file, &[Two(name.len() as u16), Two(0)]);
    file.extend_from_slice(name);
    file.extend_from_slice(&packed);
    if streamed {
        put(file, &[Four(DESCRIPTOR)]);
        put(file, &sums);
    }

    put(directory, &[Four(CENTRAL), Two(MADE_BY)]);
    put(directory, &common);
    put(directory, &sums);
    // Name length, then no extra field, no comment, first disk, no internal attributes.
    put(
        directory,
        &[Two(entry.name.len() as u16), Two(0), Two(0), Two(0), Two(0)],
    );
    put(directory, &[Four(entry.external_attributes), Four(offset)]);
    directory.extend_from_slice(&entry.name);
}

fn pack(entry: &ZipEntry) -> Vec<u8> {
    if entry.method != DEFLATED {
        return entry.data.clone();
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(&entry.data)
        .and_then(|()| encoder.finish())
        .expect("writing to memory")
}
