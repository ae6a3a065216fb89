//! One page in hand: what its list names, and what is left to fetch of it.

use std::collections::{HashMap, HashSet, VecDeque};

use super::missing::Reason;
use super::page::{Bad, Entry, Page};
use super::position::{PageKey, Position};
use crate::api::ApiError;
use crate::api::objects::{Address, Objects};
use crate::spool::{Digest, Scratch, Spool, SpoolError};

/// Objects that are fetched again only to see whether the store answers.
pub(super) const PROBES: usize = 3;

/// Odd bytes of objects that are kept open until their page is left.
const OPEN_FILES: usize = 16;

/// Begins the name of an entry that names no object. No host contains a space.
const ENTRY: &str = "entry";

/// True for the name of an entry that names no object.
pub(super) fn is_entry(place: &str) -> bool {
    place.starts_with(&format!("{ENTRY} "))
}

/// An object that waits for its turn.
pub(super) struct Listed {
    pub(super) address: Address,
    pub(super) place: String,
    /// What arrived for it the first time, if it is fetched a second time, after the others of its page.
    pub(super) first: Option<Arrived>,
}

/// What arrived instead of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) reason: Reason,
    /// The digest of the bytes.
    pub(super) digest: String,
}

/// An object that could not be fetched in this run.
pub(super) struct Failed {
    pub(super) place: String,
    pub(super) reason: Reason,
    /// True if no time passed between the list and the attempt.
    pub(super) is_fresh: bool,
    /// What arrived instead of it.
    pub(super) raw: Option<Scratch>,
    /// True if the same bytes arrived twice.
    pub(super) is_same_again: bool,
}

/// What a page is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is the page of the position: the next one follows.
    Current,
    /// It holds objects that earlier runs could not fetch.
    Owed,
}

/// A page from the moment it is listed until it is left.
pub(super) struct PageInHand {
    pub(super) key: PageKey,
    pub(super) purpose: Purpose,
    pub(super) queue: VecDeque<Listed>,
    pub(super) failed: Vec<Failed>,
    /// Some objects of the page that were published before: they show whether the store answers.
    pub(super) probes: Vec<Address>,
    /// Objects that version 0.1.0 was done with, to be remembered from now on.
    pub(super) done_before: Vec<Digest>,
    pub(super) next: Option<String>,
    pub(super) is_caught_up: Option<bool>,
    /// True if what follows is not known, as the list names something that is no token.
    pub(super) is_next_odd: bool,
    /// How many entries the list has.
    pub(super) entries: usize,
    /// True if the list named objects that were not known.
    pub(super) has_news: bool,
    /// Why the last entry without an address has none.
    pub(super) refused: Option<ApiError>,
    /// True until the first object of the page has been stored; later, addresses may have expired.
    pub(super) is_fresh: bool,
}

impl PageInHand {
    /// Sorts what a list names: objects to fetch, in the order of the list but for those that failed
    /// before, and entries that lead nowhere.
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
        let mut refused = HashMap::new();
        let owed: HashSet<&str> = position.owed.iter().map(|owed| &*owed.place).collect();
        for entry in page.items {
            let address = match entry {
                Entry::Good(url) => objects.address(&url).map_err(|error| {
                    let digest = Digest::of(url.as_bytes());
                    (
                        Bad {
                            why: "",
                            digest,
                            count: 1,
                        },
                        error,
                    )
                }),
                Entry::Bad(bad) => {
                    let error = ApiError::NotUnderstood(bad.why.to_owned());
                    Err((*bad, error))
                }
            };
            let listed = match address {
                Ok(address) => Listed {
                    place: address.place(),
                    address,
                    first: None,
                },
                Err((bad, error)) => {
                    let number = refused.entry(bad.digest).or_insert(0_usize);
                    *number += 1;
                    hand.refuse((&bad, *number), error, spool)?;
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
            } else if owed.contains(&*listed.place) {
                last.push(listed);
            } else {
                hand.queue.push_back(listed);
            }
        }
        hand.has_news = !hand.queue.is_empty();
        hand.queue.extend(last);
        Ok(hand)
    }

    /// Notes an entry that names no object. Its text tells it from others, and its number among equal ones:
    /// the list of a page can change.
    fn refuse(
        &mut self,
        (bad, number): (&Bad, usize),
        error: ApiError,
        spool: &Spool,
    ) -> Result<(), SpoolError> {
        let identity = format!("{:?} {:?} {number} {}", self.key, bad.digest, bad.count);
        let identity = Digest::of(identity.as_bytes()).short();
        let place = match bad.count {
            1 => format!("{ENTRY} {identity:016x}"),
            count => format!("{ENTRY} {identity:016x} and {} more", count - 1),
        };
        let is_known = spool.has_seen(Digest::of(place.as_bytes()))?;
        if !is_known {
            self.failed.push(Failed {
                reason: match &error {
                    ApiError::PrivateStore(_) | ApiError::LocalStore(_) => Reason::PrivateStore,
                    _ => Reason::BadEntry,
                },
                is_fresh: true,
                raw: None,
                is_same_again: false,
                place,
            });
            self.refused = Some(error);
        }
        Ok(())
    }

    /// Objects of this page that are still listed, or have failed.
    pub(super) fn places(&self) -> HashSet<&str> {
        let failed = self.failed.iter().map(|failed| &*failed.place);
        let queue = self.queue.iter().map(|listed| &*listed.place);
        queue.chain(failed).collect()
    }

    /// Takes over the work of the same page as it was listed before; objects that are no longer listed
    /// have failed.
    pub(super) fn continue_from(&mut self, before: Self) {
        let there: HashSet<String> = self
            .queue
            .iter()
            .map(|listed| listed.place.clone())
            .collect();
        let is_gone = |listed: &Listed| !there.contains(&listed.place);
        let gone: Vec<Listed> = before.queue.into_iter().filter(is_gone).collect();
        // what has failed is not tried again in this run
        let failed: HashSet<&str> = before.failed.iter().map(|failed| &*failed.place).collect();
        self.queue.retain(|listed| !failed.contains(&*listed.place));
        self.failed = before.failed;
        for listed in gone {
            self.fail(listed.place, Reason::NotListed, None);
        }
    }

    /// Notes what arrived odd once and has had no second turn.
    pub(super) fn fail_odd(&mut self) {
        let (odd, rest) = std::mem::take(&mut self.queue)
            .into_iter()
            .partition::<VecDeque<_>, _>(|listed| listed.first.is_some());
        self.queue = rest;
        for Listed { place, first, .. } in odd {
            let reason = first.map_or(Reason::Foreign, |first| first.reason);
            self.fail(place, reason, None);
        }
    }

    /// Notes an object that could not be fetched. The bytes of a few are kept: each needs an open file.
    pub(super) fn fail(&mut self, place: String, reason: Reason, raw: Option<Scratch>) {
        let is_fresh = self.is_fresh;
        let open = self.failed.iter().filter(|failed| failed.raw.is_some());
        let raw = raw.filter(|_| open.count() < OPEN_FILES);
        self.failed.push(Failed {
            place,
            reason,
            is_fresh,
            raw,
            is_same_again: false,
        });
    }
}
