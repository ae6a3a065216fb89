//! The opaque texts of the service: SIEM cursors, audit page tokens and audit event ids.
//!
//! All three were decoded from recordings: URL-safe base64 without padding, of a zlib stream, of compact JSON.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::Value;

use crate::account::Account;

/// A token is a few hundred bytes; anything that unpacks to more was not minted here.
const LARGEST_TOKEN: u64 = 4096;
/// A page without items counts as so many page numbers: no window has that many pages.
const EMPTY_STEP: usize = 1_000_000;
/// Ids grow in steps, so that a client which counts them by itself goes wrong.
const FIRST_LOG_ID: u64 = 5_000_017;
const LOG_ID_STEP: u64 = 7;

/// The cursor after the batch at `index`.
pub(crate) fn cursor(index: usize, created_ms: i64) -> String {
    let log_id = FIRST_LOG_ID + LOG_ID_STEP * index as u64;
    pack(&format!(
        r#"{{"secureid":"{}","offset":1,"siemlogid":{log_id},"createTime":{created_ms},"siemlogtype":0,"version":1,"account":"{}"}}"#,
        seal(&[log_id, created_ms.unsigned_abs()]),
        Account::SYNTHETIC.account_code,
    ))
}

/// The index of the batch that a cursor points at; `None` for anything that [`cursor`] did not mint.
///
/// Nothing is remembered between mint and use: the text alone decides, also after a restart of the sandbox.
pub(crate) fn read_cursor(text: &str) -> Option<usize> {
    let value = unpack(text)?;
    let log_id = value["siemlogid"].as_u64()?;
    let created_ms = value["createTime"].as_i64()?;
    let sealed = value["secureid"] == seal(&[log_id, created_ms.unsigned_abs()]).as_str();
    let ours = value["account"] == Account::SYNTHETIC.account_code;
    let steps = log_id.checked_sub(FIRST_LOG_ID)?;
    (sealed && ours && steps % LOG_ID_STEP == 0).then_some((steps / LOG_ID_STEP) as usize)
}

/// An audit page token: an offset into a newest-first list. The dates stand in it only through the seal.
#[cfg(test)]
pub(crate) fn page(
    page_size: usize,
    offset: usize,
    window: (DateTime<Utc>, DateTime<Utc>),
) -> String {
    empty_page(page_size, offset, 0, window)
}

/// The same with so many pages without items to come before that offset.
pub(crate) fn empty_page(
    page_size: usize,
    offset: usize,
    empty: usize,
    window: (DateTime<Utc>, DateTime<Utc>),
) -> String {
    pack(&format!(
        r#"{{"pagesizeid":{page_size},"recordstartid":{offset},"pageNumber":{},"isPrevious":false,"pageToken":null,"version":1,"secureid":"{}"}}"#,
        offset / page_size.max(1) + 1 + EMPTY_STEP * empty,
        page_seal(page_size, offset, empty, window),
    ))
}

/// What a page token asks for.
pub(crate) struct PageToken {
    pub(crate) page_size: usize,
    pub(crate) offset: usize,
    /// Pages without items that come first.
    pub(crate) empty: usize,
    seal: String,
}

impl PageToken {
    /// Reads a token; `None` for anything that is not of the recorded form.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let value = unpack(text)?;
        Some(Self {
            page_size: usize::try_from(value["pagesizeid"].as_u64()?).ok()?,
            offset: usize::try_from(value["recordstartid"].as_u64()?).ok()?,
            empty: usize::try_from(value["pageNumber"].as_u64()?).ok()? / EMPTY_STEP,
            seal: value["secureid"].as_str()?.to_owned(),
        })
    }

    /// Whether it was minted for these very dates.
    pub(crate) fn belongs_to(&self, window: (DateTime<Utc>, DateTime<Utc>)) -> bool {
        self.seal == page_seal(self.page_size, self.offset, self.empty, window)
    }
}

fn page_seal(
    page_size: usize,
    offset: usize,
    empty: usize,
    (start, end): (DateTime<Utc>, DateTime<Utc>),
) -> String {
    let dates = [start, end].map(|date| date.timestamp().unsigned_abs());
    let place = [page_size, offset, empty].map(|number| number as u64);
    seal(&[place.as_slice(), &dates].concat())
}

/// The id of the audit event number `n`. A shorter seal and no compression, which keeps both the recorded length of
/// about 200 characters and a million events cheap.
pub(crate) fn audit_id(n: u64) -> String {
    let json = format!(
        r#"{{"secureid":"{}","auditlogid":{},"customercode":"{}","version":1}}"#,
        &seal(&[n])[..64],
        900_000_000_000_u64.wrapping_add(n),
        Account::SYNTHETIC.account_code,
    );
    URL_SAFE_NO_PAD.encode(uncompressed(json.as_bytes()))
}

/// A zlib stream of one stored block: the two header bytes of the recordings, the block's, its length twice, the data,
/// their Adler-32 sum.
fn uncompressed(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("an id is short");
    let mut stream = vec![0x78, 0xda, 1];
    stream.extend_from_slice(&length.to_le_bytes());
    stream.extend_from_slice(&(!length).to_le_bytes());
    stream.extend_from_slice(data);
    let (low, high) = data.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    stream.extend_from_slice(&(high << 16 | low).to_be_bytes());
    stream
}

/// 80 bytes in base64, as opaque as the recorded ones, but reproducible from `numbers`: a token that was changed on
/// its way no longer fits its seal.
fn seal(numbers: &[u64]) -> String {
    let seed = numbers.iter().fold(0x5eed_u64, |seed, number| {
        seed.rotate_left(17).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number
    });
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = [0_u8; 80];
    random.fill(&mut bytes);
    STANDARD.encode(bytes)
}

fn pack(json: &str) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let packed = encoder
        .write_all(json.as_bytes())
        .and_then(|()| encoder.finish())
        .expect("writing to memory");
    URL_SAFE_NO_PAD.encode(packed)
}

/// What a token holds; also for the self tests.
pub(crate) fn unpack(text: &str) -> Option<Value> {
    let packed = URL_SAFE_NO_PAD.decode(text).ok()?;
    let mut json = String::new();
    flate2::read::ZlibDecoder::new(packed.as_slice())
        .take(LARGEST_TOKEN)
        .read_to_string(&mut json)
        .ok()?;
    serde_json::from_str(&json).ok()
}
