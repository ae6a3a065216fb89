//! The page in hand: the content of its list, and the objects that are not fetched yet.

use std::collections::{HashMap, HashSet, VecDeque};

use super::missing::Reason;
use super::page::{BAD_ENTRIES, Bad, Entry, Page};
use super::position::{PageKey, Position};
use crate::api::ApiError;
use crate::api::objects::{Address, Objects};
use crate::spool::{Digest, Scratch, Spool, SpoolError};

/// Objects that are fetched again only to see whether the store answers.
pub(super) const PROBES: usize = 3;

/// The number of odd objects whose files stay open until their page is left.
const OPEN_FILES: usize = 16;

/// The beginning of the name of an entry without an address. A host name never contains a space.
const ENTRY: &str = "entry";

/// True for the name of an entry without an address.
pub(super) fn is_entry(place: &str) -> bool {
    place.starts_with(&format!("{ENTRY} "))
}

/// An object that is not fetched yet.
pub(super) struct ListedObject {
    pub(super) address: Address,
    pub(super) place: String,
    /// The result of the first attempt, if the object waits at the end of the page for a second one.
    pub(super) first: Option<OddBytes>,
}

/// The kind and the digest of bytes that arrived instead of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OddBytes {
    pub(super) reason: Reason,
    /// The digest of the bytes.
    pub(super) digest: String,
}

/// An object that could not be fetched in this run.
pub(super) struct FailedObject {
    pub(super) place: String,
    pub(super) reason: Reason,
    /// True if the address was new at the time of the attempt.
    pub(super) is_fresh: bool,
    /// The bytes that arrived instead of it.
    pub(super) raw: Option<Scratch>,
    /// True if the same bytes arrived twice.
    pub(super) is_same_again: bool,
}

/// Entries of a list that lead to no object, each with its error.
#[derive(Default)]
struct RefusedEntries {
    entries: Vec<(Bad, ApiError)>,
    addresses: usize,
    /// Addresses above the limit, as one entry for each reason.
    rest: Vec<(Bad, ApiError)>,
}

impl RefusedEntries {
    /// Adds a refused address. Only its path counts, because its query is new in each list.
    fn address(&mut self, url: &str, error: ApiError) {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        let bad = Bad {
            why: "",
            digest: Digest::of(path.as_bytes()),
            count: 1,
        };
        self.addresses += 1;
        if self.addresses <= BAD_ENTRIES {
            self.entries.push((bad, error));
            return;
        }
        let mut rest = self.rest.iter_mut();
        match rest.find(|(_, other)| reason_of(other) == reason_of(&error)) {
            Some((rest, _)) => rest.join(&bad),
            None => self.rest.push((bad, error)),
        }
    }
}

/// Returns the reason why an entry leads to no object.
const fn reason_of(error: &ApiError) -> Reason {
    match error {
        ApiError::PrivateStore(_) | ApiError::LocalStore(_) => Reason::PrivateStore,
        _ => Reason::BadEntry,
    }
}

/// The purpose of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The page of the position: the next page follows.
    Current,
    /// A page with objects that earlier runs could not fetch.
    Owed,
}

/// A page from its list call until the position leaves it.
pub(super) struct PageInHand {
    pub(super) key: PageKey,
    pub(super) purpose: Purpose,
    pub(super) queue: VecDeque<ListedObject>,
    pub(super) failed: Vec<FailedObject>,
    /// Some objects of the page that were published before. They show whether the store answers.
    pub(super) probes: Vec<Address>,
    /// Objects that version 0.1.0 had finished. The spool remembers them from now on.
    pub(super) done_before: Vec<Digest>,
    pub(super) next: Option<String>,
    pub(super) is_caught_up: Option<bool>,
    /// True if the next page is unknown because the list contains an invalid token.
    pub(super) is_next_odd: bool,
    /// The number of entries in the list.
    pub(super) entries: usize,
    /// True if the list contained new objects.
    pub(super) has_news: bool,
    /// The error of the last entry without an address.
    pub(super) refused: Option<ApiError>,
    /// True until the first object of the page has been stored; later, addresses may have expired.
    pub(super) is_fresh: bool,
}

impl PageInHand {
    /// Sorts the entries of a list. Objects that failed before come last, the others in the order
    /// of the list. Entries that lead to no object have failed.
    pub(super) fn of(
        page: Page,
        (key, purpose): (PageKey, Purpose),
        (position, spool, taken): (&Position, &Spool, &HashSet<Digest>),
        objects: &Objects,
    ) -> Result<Self, SpoolError> {
        let mut hand = Self {
            queue: VecDeque::new(),
            failed: Vec::new(),
            probes: Vec::new(),
            done_before: Vec::new(),
            next: page.next,
            is_caught_up: page.is_caught_up,
            is_next_odd: page.is_next_odd,
            has_news: false,
            entries: page.items.len(),
            refused: None,
            is_fresh: true,
            key,
            purpose,
        };
        let mut named = HashSet::new();
        let mut last = Vec::new();
        let mut refused = RefusedEntries::default();
        for entry in page.items {
            let address = match entry {
                Entry::Good(url) => objects.address(&url).map_err(|error| (url, error)),
                Entry::Bad(bad) => {
                    let error = ApiError::NotUnderstood(bad.why.to_owned());
                    refused.entries.push((*bad, error));
                    continue;
                }
            };
            let listed = match address {
                Ok(address) => ListedObject {
                    place: address.place(),
                    address,
                    first: None,
                },
                Err((url, error)) => {
                    refused.address(&url, error);
                    continue;
                }
            };
            let id = Digest::of(listed.place.as_bytes());
            if !named.insert(id) {
                continue;
            }
            let was_done = position.was_done(&listed.place);
            hand.done_before.extend(was_done.then_some(id));
            if was_done || taken.contains(&id) || spool.has_seen(id)? {
                if hand.probes.len() < PROBES {
                    hand.probes.push(listed.address);
                }
            } else if position.owed.get(&listed.place).is_some() {
                last.push(listed);
            } else {
                hand.queue.push_back(listed);
            }
        }
        hand.refuse(refused, spool)?;
        hand.has_news = !hand.queue.is_empty();
        hand.queue.extend(last);
        Ok(hand)
    }

    /// Adds entries that lead to no object. Their text and a number identify them, because the list
    /// of a page can change.
    fn refuse(&mut self, refused: RefusedEntries, spool: &Spool) -> Result<(), SpoolError> {
        let mut numbers = HashMap::new();
        for (bad, error) in refused.entries.into_iter().chain(refused.rest) {
            let number = numbers.entry(bad.digest).or_insert(0_usize);
            *number += 1;
            let identity = format!("{:?} {:?} {number} {}", self.key, bad.digest, bad.count);
            let identity = Digest::of(identity.as_bytes()).short();
            let place = match bad.count {
                1 => format!("{ENTRY} {identity:016x}"),
                count => format!("{ENTRY} {identity:016x} and {} more", count - 1),
            };
            if !spool.has_seen(Digest::of(place.as_bytes()))? {
                let reason = reason_of(&error);
                self.failed.push(FailedObject {
                    reason,
                    is_fresh: true,
                    raw: None,
                    is_same_again: false,
                    place,
                });
                self.refused = Some(error);
            }
        }
        Ok(())
    }

    /// Returns the places of the objects of this page that are still listed or have failed.
    pub(super) fn places(&self) -> HashSet<&str> {
        let failed = self.failed.iter().map(|failed| &*failed.place);
        let queue = self.queue.iter().map(|listed| &*listed.place);
        queue.chain(failed).collect()
    }

    /// Continues with the same page after it was listed again. Objects that are no longer listed have failed.
    pub(super) fn continue_from(&mut self, before: Self) {
        let there: HashSet<String> = self
            .queue
            .iter()
            .map(|listed| listed.place.clone())
            .collect();
        let is_gone = |listed: &ListedObject| !there.contains(&listed.place);
        let gone: Vec<ListedObject> = before.queue.into_iter().filter(is_gone).collect();
        // a failed object is not retried in this run
        let failed: HashSet<&str> = before.failed.iter().map(|failed| &*failed.place).collect();
        self.queue.retain(|listed| !failed.contains(&*listed.place));
        self.failed = before.failed;
        for listed in gone {
            self.fail(listed.place, Reason::NotListed, None);
        }
    }

    /// Marks odd objects that had no second attempt as failed.
    pub(super) fn fail_odd(&mut self) {
        let (odd, rest) = std::mem::take(&mut self.queue)
            .into_iter()
            .partition::<VecDeque<_>, _>(|listed| listed.first.is_some());
        self.queue = rest;
        for ListedObject { place, first, .. } in odd {
            let reason = first.map_or(Reason::Foreign, |first| first.reason);
            self.fail(place, reason, None);
        }
    }

    /// Marks an object as failed. Only a few keep their bytes, because each needs an open file.
    pub(super) fn fail(&mut self, place: String, reason: Reason, raw: Option<Scratch>) {
        let is_fresh = self.is_fresh;
        let open = self.failed.iter().filter(|failed| failed.raw.is_some());
        let raw = raw.filter(|_| open.count() < OPEN_FILES);
        self.failed.push(FailedObject {
            place,
            reason,
            is_fresh,
            raw,
            is_same_again: false,
        });
    }
}
