//! Opens the readers of foreign bytes to the fuzz targets in `fuzz/`, one function for each reader.
//!
//! The module is compiled under `--cfg fuzzing` alone, which `cargo fuzz` passes, so no program contains it.
//! Each target says what it expects of its reader.

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
use crate::pickle;
use crate::siem::objects::page::{self as list, Entry};
use crate::siem::objects::unpack;
use crate::spool::record::Record;
use crate::windowed;
use crate::windowed::audit::Event;
use crate::windowed::page::Item;

/// One item of a page of audit events.
#[derive(Debug)]
pub enum AuditItem {
    /// JSON, as sent or repaired.
    Whole(String),
    /// Bytes between two commas that are not JSON.
    Broken(String),
}

/// A page of audit events.
#[derive(Debug)]
pub struct AuditPage {
    /// The items in the order of the page.
    pub items: Vec<AuditItem>,
    /// The token of the next page.
    pub next: Option<String>,
    /// The number of events in the window, if the page states it.
    pub total: Option<u64>,
}

/// Reads the text of an audit answer.
///
/// # Errors
/// The mistake in the text, in one clause.
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

/// The lines of an audit event.
#[derive(Debug)]
pub struct AuditLines {
    /// The line for the dashboards.
    pub key_value: Vec<u8>,
    /// The line of JSON.
    pub json: Vec<u8>,
}

/// Returns both lines of an audit item, or `None` if the item is not an object.
pub fn audit_lines(item: &str) -> Option<AuditLines> {
    let event = Event::read(item)?;
    let _ = event.id();
    Some(AuditLines {
        key_value: event.key_value(),
        json: event.json(),
    })
}

/// Returns the members of a JSON object, as sent, or `None` if the text is not an object.
pub fn json_members(text: &str) -> Option<Vec<(String, &str)>> {
    let mut members = Vec::new();
    let read = scan::each_member(text, |quoted, value| {
        members.push((scan::name(quoted).into_owned(), value));
    });
    read.map(|()| members)
}

/// Returns the items of a JSON list, as sent, or `None` if the text is not a list.
pub fn json_items(text: &str) -> Option<Vec<&str>> {
    let mut items = Vec::new();
    let done = scan::items(text, |item| {
        items.push(item);
        Ok::<_, Infallible>(())
    });
    done.unwrap_or_else(|never| match never {}).map(|()| items)
}

/// Returns a JSON value with its raw control characters escaped, or `None` if it is not JSON even then.
pub fn json_repaired(value: &str) -> Option<String> {
    scan::repaired(value).map(Cow::into_owned)
}

/// Returns the text that is equal for two equal JSON values.
pub fn json_canonical(json: &str) -> Vec<u8> {
    json::canonical(json)
}

/// A page of a list under API 2.0.
#[derive(Debug)]
pub struct ListPage {
    /// One result for each entry, in the order of the list: its address, or why it has none.
    pub entries: Vec<Result<String, &'static str>>,
    /// The token of the next page.
    pub next: Option<String>,
    /// True if Mimecast says that the list ends here.
    pub is_caught_up: Option<bool>,
}

/// Reads the text of a list.
///
/// # Errors
/// The mistake in the text, in one clause.
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

/// Reads an address of a list, by the rules outside of a rehearsal.
///
/// # Errors
/// The reason why the collector does not fetch from the address.
pub fn address(text: &str) -> Result<Address, &'static str> {
    let address = Address::parse(text, false, &PrivateStores::default());
    address.map_err(|error| match error {
        AddressError::Odd(why) => why,
        AddressError::Private(_) => "is private",
    })
}

/// Unpacks an object of API 2.0 into `lines`. Returns the fault of the bytes, and true if all lines were
/// read in spite of it. Returns `None` if the bytes are sound.
///
/// # Errors
/// The reader blames the disk, which must not happen because the bytes are in memory.
pub fn object(
    packed: &[u8],
    aliases: Aliases,
    lines: &mut impl Write,
) -> Result<Option<(String, bool)>, ApiError> {
    let fault = unpack::lines(packed, lines, aliases, &|| Ok(()))?;
    Ok(fault.map(|fault| (fault.what, fault.is_behind)))
}

/// Returns the continuation token of an archive.
pub fn siem_token(head: &Head) -> Option<&str> {
    answer::siem_token(head)
}

/// A state record that the reader accepts.
#[derive(Debug, PartialEq, Eq)]
pub struct StateRecord(Record);

impl StateRecord {
    /// Reads the bytes of a state file. Returns `None` if the reader refuses them.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        Record::decode(bytes).ok().map(Self)
    }

    /// Returns the bytes of the state file.
    pub fn encode(&self) -> Vec<u8> {
        self.0.encode()
    }

    /// Returns every file name in the record, staged and published in turn.
    pub fn names(&self) -> Vec<&str> {
        let moves = self.0.pending.iter();
        moves
            .flat_map(|moved| [moved.staged.as_str(), &moved.name])
            .collect()
    }

    /// Returns the record without pending moves.
    pub fn settled(mut self) -> Self {
        self.0.settle();
        self
    }
}

/// Returns the entries of a pickle, each with its text, or `None` for the text of bytes that are not UTF-8.
///
/// # Errors
/// The reason why the reader refuses it, in one clause.
pub fn pickle_entries(bytes: &[u8]) -> Result<Vec<(String, Option<String>)>, String> {
    let dict = pickle::read(bytes).map_err(|refused| refused.0)?;
    let entries = dict.into_iter();
    Ok(entries
        .map(|(name, text)| (name, text.as_str().map(str::to_owned)))
        .collect())
}

/// Returns a file's name for a foreign stem.
pub fn file_name(stem: &str, sha256: &str, extension: Extension) -> FileName {
    FileName::new(stem, sha256, extension)
}

/// Returns the file name, or `None` if the collector does not give such names.
pub fn own_name(text: &str) -> Option<FileName> {
    FileName::parse(text)
}
