//! Doors for the fuzz targets in `fuzz/`: each leads to one reader of foreign bytes, and adds nothing.
//!
//! Compiled under `--cfg fuzzing` alone, which `cargo fuzz` passes: no program has it. What a target
//! expects of the reader stands in the target.

use std::io::Write;

use crate::api::answer::{self, Head};
use crate::api::objects::{Address, AddressError};
use crate::audit::line::Event;
use crate::config::{Aliases, PrivateStores};
use crate::siem::object;
use crate::spool::record::Record;
use crate::spool::{Extension, FileName};
use crate::{audit, siem};

/// A page of audit events.
#[derive(Debug)]
pub struct AuditPage<'a> {
    /// Items as they were sent.
    pub items: Vec<&'a str>,
    /// The token of the page after.
    pub next: Option<String>,
}

/// Reads the text of an audit answer.
///
/// # Errors
/// What is wrong with it, in one clause.
pub fn audit_page(text: &str) -> Result<AuditPage<'_>, String> {
    let page = audit::page::Page::read(text)?;
    let items = page.items.iter().map(|item| item.get()).collect();
    let next = page.next;
    Ok(AuditPage { items, next })
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
#[must_use]
pub fn audit_lines(item: &str) -> Option<AuditLines> {
    let event = Event::read(item)?;
    let (_, _) = (event.id(), event.time());
    Some(AuditLines {
        key_value: event.key_value(),
        json: event.json(),
    })
}

/// A page of a list under API 2.0.
#[derive(Debug)]
pub struct ListPage {
    /// Addresses in the order of the list.
    pub urls: Vec<String>,
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
    let page = siem::page::Page::read(text)?;
    let (next, is_caught_up) = (page.next, page.is_caught_up);
    Ok(ListPage {
        urls: page.items.into_iter().map(|item| item.url).collect(),
        next,
        is_caught_up,
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
) -> anyhow::Result<Option<(String, bool)>> {
    let fault = object::lines(packed, lines, aliases, &|| Ok(()))?;
    Ok(fault.map(|fault| (fault.what, fault.is_behind)))
}

/// The continuation token of an archive.
#[must_use]
pub fn siem_token(head: &Head) -> Option<&str> {
    answer::siem_token(head)
}

/// A state record that was accepted.
#[derive(Debug, PartialEq, Eq)]
pub struct StateRecord(Record);

impl StateRecord {
    /// Reads the bytes of a state file; nothing for what is refused.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        Record::decode(bytes).ok().map(Self)
    }

    /// The bytes of the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.0.encode()
    }

    /// Every file name in it, staged and published.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let moves = self.0.pending.iter();
        moves
            .flat_map(|moved| [moved.staged.as_str(), &moved.name])
            .collect()
    }

    /// The same record when nothing is left to move.
    #[must_use]
    pub fn settled(mut self) -> Self {
        self.0.settle();
        self
    }
}

/// Makes a file's name from a foreign stem.
#[must_use]
pub fn file_name(stem: &str, sha256: &str, extension: Extension) -> FileName {
    FileName::new(stem, sha256, extension)
}

/// Recognises a name of ours.
#[must_use]
pub fn own_name(text: &str) -> Option<FileName> {
    FileName::parse(text)
}
