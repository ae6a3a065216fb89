//! Builds bodies like those of a busy account, with realistic records and no equal lines.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use chrono::{DateTime, TimeDelta, Utc};
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use mimecast_sandbox::{AuditEvent, LOG_TYPES, Record, ZipEntry, ZipFile};

/// An archive and the size of its content.
pub(crate) struct Archive {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) unpacked: u64,
    pub(crate) lines: u64,
}

/// Returns an archive with this many members, one for each log type, and this many bytes of lines.
pub(crate) fn archive(seed: u64, members: usize, bytes: u64) -> Archive {
    let size = bytes / members as u64;
    let members: Vec<Packed> = thread::scope(|scope| {
        let packing: Vec<_> = LOG_TYPES[..members]
            .iter()
            .map(|log_type| scope.spawn(move || Packed::new(log_type, seed, size)))
            .collect();
        let packed = packing.into_iter().map(|thread| thread.join());
        packed.map(|member| member.expect("packs")).collect()
    });
    let unpacked = members.iter().map(|member| u64::from(member.size)).sum();
    let lines = members.iter().map(|member| member.lines).sum();
    let entries = members.into_iter().map(Packed::entry).collect();
    let file = ZipFile {
        entries,
        ..ZipFile::default()
    };
    Archive {
        bytes: file.bytes().into(),
        unpacked,
        lines,
    }
}

/// Returns a gzip object with this many bytes of lines, and the number of lines.
pub(crate) fn object(seed: u64, size: u64) -> (Arc<[u8]>, u64) {
    let packed = Packed::new("delivery", seed, size);
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    file.extend_from_slice(&packed.bytes);
    file.extend_from_slice(&packed.crc.to_le_bytes());
    file.extend_from_slice(&packed.size.to_le_bytes());
    (file.into(), packed.lines)
}

/// Saves objects for `gunzip`.
pub(crate) fn save_objects(folder: &Path, objects: &[(Arc<[u8]>, u64)]) -> Vec<PathBuf> {
    fs::create_dir_all(folder).expect("a folder for the objects");
    let files = objects.iter().enumerate().map(|(number, (bytes, _))| {
        let file = folder.join(format!("{number:04}.gz"));
        fs::write(&file, bytes).expect("room for the objects");
        file
    });
    files.collect()
}

/// Saves archives for `unzip`.
pub(crate) fn save(folder: &Path, archives: &[Archive]) -> Vec<PathBuf> {
    fs::create_dir_all(folder).expect("a folder for the archives");
    let files = archives.iter().enumerate().map(|(number, archive)| {
        let file = folder.join(format!("{number:02}.zip"));
        fs::write(&file, &archive.bytes).expect("room for the archives");
        file
    });
    files.collect()
}

/// Returns this many events over the seven days of a first run. The oldest half hour stays empty, because
/// the window of a first run moves while the benchmark runs.
pub(crate) fn audit_events(count: u64) -> Vec<AuditEvent> {
    let now = Utc::now();
    let (oldest, newest) = (
        now - TimeDelta::minutes(7 * 24 * 60 - 30),
        now - TimeDelta::minutes(2),
    );
    let span = (newest - oldest).num_milliseconds();
    let event = move |number: u64| {
        let age = span * number.cast_signed() / count.cast_signed();
        AuditEvent::realistic(number, oldest + TimeDelta::milliseconds(age))
    };
    thread::scope(|scope| {
        let later = scope.spawn(move || (count / 2..count).map(event).collect::<Vec<_>>());
        let mut events: Vec<_> = (0..count / 2).map(event).collect();
        events.extend(later.join().expect("makes events"));
        events
    })
}

/// Replaces the codes of a record, which count up, by random ones that compress as badly as real codes.
fn disguise(record: &mut Record, random: &mut fastrand::Rng) {
    for (name, value) in &mut record.fields {
        let code = |random: &mut fastrand::Rng, length| -> String {
            (0..length).map(|_| random.alphanumeric()).collect()
        };
        match name.as_str() {
            "aCode" => *value = code(random, 22).into(),
            "MsgId" => *value = format!("<{}@example.com>", code(random, 32)).into(),
            _ => {}
        }
    }
}

/// A member. Its lines are packed one by one, so that they are never in memory together.
struct Packed {
    name: String,
    bytes: Vec<u8>,
    size: u32,
    crc: u32,
    lines: u64,
}

impl Packed {
    fn new(log_type: &str, seed: u64, size: u64) -> Self {
        let start = DateTime::from_timestamp(1_795_132_800, 0).expect("a date");
        let time = start + TimeDelta::minutes(30) * seed as i32;
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::default());
        let mut crc = Crc::new();
        let mut lines = 0;
        let mut random = fastrand::Rng::with_seed(seed);
        let mut written = 0;
        while written < size {
            let mut record = Record::realistic(log_type, seed, lines, time);
            disguise(&mut record, &mut random);
            let text = record.line() + "\n";
            packer.write_all(text.as_bytes()).expect("memory");
            crc.update(text.as_bytes());
            written += text.len() as u64;
            lines += 1;
        }
        Self {
            name: format!("{log_type}_{}.siem", time.format("%Y%m%d%H%M%S%3f")),
            bytes: packer.finish().expect("memory"),
            size: written as u32,
            crc: crc.sum(),
            lines,
        }
    }

    fn entry(self) -> ZipEntry {
        ZipEntry {
            packed: Some(self.bytes),
            declared_crc: Some(self.crc),
            declared_size: Some(self.size),
            ..ZipEntry::new(self.name, []).streamed()
        }
    }
}
