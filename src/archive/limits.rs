//! The limits of an archive, and the check of one entry.

use zip::read::ZipFileEntry;

/// The unpacked size below which the ratio does not count, because short, repetitive logs exceed it.
pub(super) const RATIO_FLOOR_BYTES: u64 = 16 << 20;

/// The limits of an archive.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most members and folders together.
    pub entries: usize,
    /// The most unpacked bytes of one member.
    pub member_bytes: u64,
    /// The most unpacked bytes of all members.
    pub total_bytes: u64,
    /// The most unpacked bytes per packed byte of one member, from 16 MiB unpacked upwards.
    pub ratio: u64,
}

impl Default for Limits {
    /// Returns the largest entry count without zip64, and sizes far above any batch seen. The ratio
    /// is above that of repetitive logs: mail logs reach 30, artificial ones 300. It is below
    /// deflate's own limit of 1,032, which a bomb must come close to.
    fn default() -> Self {
        Self {
            entries: 65_535,
            member_bytes: 16 << 30,
            total_bytes: 32 << 30,
            ratio: 400,
        }
    }
}

/// The kinds of entries that the reader accepts.
pub(super) enum EntryKind {
    File,
    Folder,
}

/// Checks an entry by the directory alone. This also bounds the size, because the reader never
/// unpacks more than the declared size.
pub(super) fn check_entry(entry: &ZipFileEntry<'_>, limits: &Limits) -> Result<EntryKind, String> {
    let (size, packed) = (entry.size(), entry.compressed_size());
    let kind = entry.unix_mode().unwrap_or(0) & 0o170_000;
    if entry.is_dir() || kind == 0o040_000 {
        // an empty content has a few bytes at most when packed
        let is_empty = size == 0 && packed <= 16;
        return if is_empty {
            Ok(EntryKind::Folder)
        } else {
            Err("a folder with content".into())
        };
    }
    if kind != 0 && kind != 0o100_000 {
        return Err(format!(
            "neither a file nor a folder, but of Unix type {kind:o}"
        ));
    }
    if entry.encrypted() {
        return Err("encrypted".into());
    }
    if size > limits.member_bytes {
        return Err(format!(
            "{size} bytes unpacked, {} allowed",
            limits.member_bytes
        ));
    }
    if size > limits.total_bytes {
        return Err(format!(
            "{size} bytes unpacked, {} left for all members",
            limits.total_bytes
        ));
    }
    if size > RATIO_FLOOR_BYTES && size > packed.saturating_mul(limits.ratio) {
        return Err(format!(
            "{size} bytes unpacked from {packed}, {} per byte allowed",
            limits.ratio
        ));
    }
    Ok(EntryKind::File)
}
