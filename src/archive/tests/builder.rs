//! A builder of archives, sound or faulty.

use std::io::Write as _;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

const STORED: u16 = 0;

const DEFLATED: u16 = 8;

/// One entry. Each field that is set differs from the true value.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) data: Vec<u8>,
    pub(super) method: u16,
    pub(super) flags: u16,
    pub(super) mode: u32,
    pub(super) crc: Option<u32>,
    pub(super) size: Option<u32>,
    pub(super) packed_size: Option<u32>,
    pub(super) local_name: Option<Vec<u8>>,
    pub(super) is_zip64: bool,
}

impl Entry {
    pub(super) fn new(name: impl AsRef<[u8]>, data: impl AsRef<[u8]>) -> Self {
        Self {
            name: name.as_ref().to_vec(),
            data: data.as_ref().to_vec(),
            method: DEFLATED,
            flags: 0,
            mode: 0o100_644,
            crc: None,
            size: None,
            packed_size: None,
            local_name: None,
            is_zip64: false,
        }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn stored(self) -> Self {
        self.with(|entry| entry.method = STORED)
    }

    pub(super) fn streamed(self) -> Self {
        self.with(|entry| entry.flags |= 8)
    }

    pub(super) fn packed(&self) -> Vec<u8> {
        if self.method != DEFLATED {
            return self.data.clone();
        }
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&self.data).unwrap();
        encoder.finish().unwrap()
    }

    /// Appends header and data to `file`, and the directory's header to `directory`.
    pub(super) fn write(&self, file: &mut Vec<u8>, directory: &mut Vec<u8>) {
        let offset = file.len() as u32;
        let packed = self.packed();
        let mut crc = Crc::new();
        crc.update(&self.data);
        let crc = self.crc.unwrap_or(crc.sum()).to_le_bytes();
        let size = self.size.unwrap_or(self.data.len() as u32);
        let packed_size = self.packed_size.unwrap_or(packed.len() as u32);
        let (sizes, extra) = if self.is_zip64 {
            let long = [u64::from(size), u64::from(packed_size)]
                .map(u64::to_le_bytes)
                .concat();
            ([0xFF; 8].to_vec(), [vec![1, 0, 16, 0], long].concat())
        } else {
            (
                [packed_size, size].map(u32::to_le_bytes).concat(),
                Vec::new(),
            )
        };
        let sums = [crc.to_vec(), sizes].concat();
        let common = [45, self.flags, self.method, 0, 0x5D74]
            .map(u16::to_le_bytes)
            .concat();
        let lengths = |name: &[u8]| [name.len() as u16, extra.len() as u16].map(u16::to_le_bytes);
        let is_streamed = self.flags & 8 != 0;

        let local_name = self.local_name.as_ref().unwrap_or(&self.name);
        file.extend(b"PK\x03\x04");
        file.extend(&common);
        file.extend(if is_streamed {
            vec![0; 12]
        } else {
            sums.clone()
        });
        file.extend(lengths(local_name).concat());
        file.extend(local_name);
        file.extend(&extra);
        file.extend(packed);
        if is_streamed {
            file.extend(b"PK\x07\x08");
            file.extend(&sums);
        }

        directory.extend(b"PK\x01\x02\x2D\x03");
        directory.extend(&common);
        directory.extend(&sums);
        directory.extend(lengths(&self.name).concat());
        directory.extend([0; 6]);
        directory.extend((self.mode << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(&self.name);
        directory.extend(&extra);
    }
}

pub(super) fn archive(entries: &[Entry]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    entries
        .iter()
        .for_each(|entry| entry.write(&mut file, &mut directory));
    finish(file, &directory, entries.len() as u16)
}

pub(super) fn finish(mut file: Vec<u8>, directory: &[u8], count: u16) -> Vec<u8> {
    let start = file.len() as u32;
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([count, count].map(u16::to_le_bytes).concat());
    file.extend(
        [directory.len() as u32, start]
            .map(u32::to_le_bytes)
            .concat(),
    );
    file.extend([0, 0]);
    file
}

/// Returns an archive with a zip64 end record.
pub(super) fn archive64(entries: &[Entry]) -> Vec<u8> {
    let mut file = archive(entries);
    let end = file.split_off(file.len() - 22);
    let at = file.len() as u64;
    let [count, size, start] = [(10, 2), (12, 4), (16, 4)].map(|(from, width)| {
        let mut number = [0; 8];
        number[..width].copy_from_slice(&end[from..from + width]);
        u64::from_le_bytes(number)
    });
    file.extend(b"PK\x06\x06");
    file.extend(44_u64.to_le_bytes());
    file.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend([count, count, size, start].map(u64::to_le_bytes).concat());
    file.extend(b"PK\x06\x07\0\0\0\0");
    file.extend(at.to_le_bytes());
    file.extend([1, 0, 0, 0]);
    file.extend(b"PK\x05\x06\0\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0");
    file
}

/// Returns an entry with forty lines.
pub(super) fn good(name: &str) -> Entry {
    Entry::new(name, format!("{name}: one line\n").repeat(40))
}
