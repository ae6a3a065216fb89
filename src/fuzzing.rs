//! Entrances for the fuzz targets in `fuzz/`: each leads to one reader of foreign bytes, and adds nothing.
//!
//! Compiled under `--cfg fuzzing` alone, which `cargo fuzz` passes: no program has it. What a target
//! expects of the reader stands in the target.

use std::borrow::Cow;
use std::convert::Infallible;
use std::io::Write;

pub use crate::api::answer::{Answer, Body, Head};
pub use crate::api::endpoints::Call;
pub use crate::api::objects::Address;
pub use crate::archive::{Limits, members};
pub use crate::config::{
    Aliases, Api, BaseUrl, Config, ConfigError, EXAMPLE, Environment, Saved, rewrite,
};
pub use crate::logs::{ARCHIVES, AUDIT, CLOUD_GATEWAY, CLOUD_INTEGRATED};
pub use crate::spool::{Extension, FileName};

use crate::api::objects::AddressError;
use crate::api::{ApiError, answer};
use crate::config::PrivateStores;
use crate::json::{self, scan};
use crate::siem::objects::page::{self as list, Entry};
use crate::siem::objects::unpack;
use crate::spool::record::Record;
use crate::windowed;
use crate::windowed::audit::Event;
use crate::windowed::page::Item;

/// One item of a page of audit events.
#[derive(Debug)]
pub enum AuditItem {
    /// JSON, as it was sent or repaired.
    Whole(String),
    /// Bytes between two commas that are not JSON.
    Broken(String),
}

/// A page of audit events.
#[derive(Debug)]
pub struct AuditPage {
    /// Items in the order of the page.
    pub items: Vec<AuditItem>,
    /// The token of the page after.
    pub next: Option<String>,
    /// How many events the window has, if the page says so.
    pub total: Option<u64>,
}

/// Reads the text of an audit answer.
///
/// # Errors
/// What is wrong with it, in one clause.
pub fn audit_page(text: &str) -> Result<AuditPage, String> {
    let mut items = Vec::new();
    let read = windowed::page::read(text, |item| {
        items.push(match Item::of(item) {
            Item::Whole(text) => AuditItem::Whole(text.into_owned()),
            Item::Broken(text) => AuditItem::Broken(text.to_owned()),
        });
        Ok::<_, Infallible>(())
    });
    let head = read.unwrap_or_else(|never| match never {})?;
    let (next, total) = (head.next, head.total);
    Ok(AuditPage { items, next, total })
}

/// What is written of an audit event.
#[derive(Debug)]
pub struct AuditLines {
    /// The line of the dashboards.
    pub key_value: Vec<u8>,
    /// The line of JSON.
    pub json: Vec<u8>,
}

/// Writes an audit item both ways; nothing for one that is no object.
pub fn audit_lines(item: &str) -> Option<AuditLines> {
    let event = Event::read(item)?;
    let _ = event.id();
    Some(AuditLines {
        key_value: event.key_value(),
        json: event.json(),
    })
}

/// The members of a JSON object, as they were sent.
pub fn json_members(text: &str) -> Option<Vec<(String, &str)>> {
    let mut members = Vec::new();
    let read = scan::each_member(text, |quoted, value| {
        members.push((scan::name(quoted).into_owned(), value));
    });
    read.map(|()| members)
}

/// The items of a JSON list, as they were sent.
pub fn json_items(text: &str) -> Option<Vec<&str>> {
    let mut items = Vec::new();
    let done = scan::items(text, |item| {
        items.push(item);
        Ok::<_, Infallible>(())
    });
    done.unwrap_or_else(|never| match never {}).map(|()| items)
}

/// A JSON value whose raw control characters are escaped; nothing for what is no JSON even so.
pub fn json_repaired(value: &str) -> Option<String> {
    scan::repaired(value).map(Cow::into_owned)
}

/// The text by which two JSON values are compared.
pub fn json_canonical(json: &str) -> Vec<u8> {
    json::canonical(json)
}

/// A page of a list under API 2.0.
#[derive(Debug)]
pub struct ListPage {
    /// Addresses in the order of the list, and why an entry has none.
    pub entries: Vec<Result<String, &'static str>>,
    /// The token of the page after.
    pub next: Option<String>,
    /// Whether nothing is behind it.
    pub is_caught_up: Option<bool>,
}

/// Reads the text of a list.
///
/// # Errors
/// What is wrong with it, in one clause.
pub fn list_page(text: &str) -> Result<ListPage, String> {
    let page = list::Page::read(text)?;
    let entries = page.items.into_iter().map(|entry| match entry {
        Entry::Good(url) => Ok(url.into_string()),
        Entry::Bad(bad) => Err(bad.why),
    });
    Ok(ListPage {
        entries: entries.collect(),
        next: page.next,
        is_caught_up: page.is_caught_up,
    })
}

/// Reads an address of a list outside of a rehearsal.
///
/// # Errors
/// Why no object is fetched from there.
pub fn address(text: &str) -> Result<Address, &'static str> {
    let address = Address::parse(text, false, &PrivateStores::default());
    address.map_err(|error| match error {
        AddressError::Odd(why) => why,
        AddressError::Private(_) => "is private",
    })
}

/// Unpacks an object of API 2.0 into `lines`; says what is wrong with the bytes, if anything is, and whether
/// all lines were read all the same.
///
/// # Errors
/// When the bytes are held for sound and the disk under them for broken, which memory never is.
pub fn object(
    packed: &[u8],
    aliases: Aliases,
    lines: &mut impl Write,
) -> Result<Option<(String, bool)>, ApiError> {
    let fault = unpack::lines(packed, lines, aliases, &|| Ok(()))?;
    Ok(fault.map(|fault| (fault.what, fault.is_behind)))
}

/// The continuation token of an archive.
pub fn siem_token(head: &Head) -> Option<&str> {
    answer::siem_token(head)
}

/// A state record that was accepted.
#[derive(Debug, PartialEq, Eq)]
pub struct StateRecord(Record);

impl StateRecord {
    /// Reads the bytes of a state file; nothing for what is refused.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        Record::decode(bytes).ok().map(Self)
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        self.0.encode()
    }

    /// Every file name in it, staged and published.
    pub fn names(&self) -> Vec<&str> {
        let moves = self.0.pending.iter();
        moves
            .flat_map(|moved| [moved.staged.as_str(), &moved.name])
            .collect()
    }

    /// The same record when nothing is left to move.
    pub fn settled(mut self) -> Self {
        self.0.settle();
        self
    }
}

/// Makes a file's name from a foreign stem.
pub fn file_name(stem: &str, sha256: &str, extension: Extension) -> FileName {
    FileName::new(stem, sha256, extension)
}

/// Recognises a name of ours.
pub fn own_name(text: &str) -> Option<FileName> {
    FileName::parse(text)
}
