//! Single items that fail among good ones, for some runs or for ever, and lists that are not as
//! documented.

use std::sync::{Arc, Mutex};

use crate::harness::Installation;
use crate::stream::Stream;
use mimecast_sandbox::{
    AuditMiss, BadEntry, CaughtUp, EmptyPages, Endpoint, Seen, TotalCount, changes::Failing,
};

/// One item that fails.
struct BadItem {
    endpoint: Endpoint,
    way: Failing,
    is_met: Box<dyn Fn(&Seen) -> bool + Send + Sync>,
    /// The first run in which it is good again.
    until: u32,
}

/// All that fail now.
pub(super) struct BadItems {
    random: fastrand::Rng,
    now: Arc<Mutex<Vec<BadItem>>>,
    pub(super) met: u64,
    /// Entries of lists that named no object.
    pub(super) bad_entries: u64,
    until: u32,
}

/// An item fails in at most so many runs, if it does not for ever.
const LONGEST: u32 = 3;

impl BadItems {
    pub(super) fn new(place: &Installation, random: fastrand::Rng) -> Self {
        let now: Arc<Mutex<Vec<BadItem>>> = Arc::default();
        let endpoints = [
            Endpoint::Siem,
            Endpoint::Object,
            Endpoint::Events,
            Endpoint::Audit,
        ];
        for endpoint in endpoints {
            for way in Failing::ALL {
                let bad_items = Arc::clone(&now);
                let is_met = move |seen: &Seen| {
                    let bad_items = bad_items.lock().expect("nobody panics with it");
                    bad_items.iter().any(|item| {
                        item.endpoint == endpoint && item.way == way && (item.is_met)(seen)
                    })
                };
                place.always_at(endpoint, is_met, way.change());
            }
        }
        Self {
            random,
            now,
            met: 0,
            bad_entries: 0,
            until: 0,
        }
    }

    /// A way of failing that is allowed. A silent server costs seconds: it is seldom.
    pub(super) fn way(&mut self, is_allowed: impl Fn(Failing) -> bool) -> Failing {
        loop {
            let way = Failing::ALL[self.random.usize(0..Failing::ALL.len())];
            if is_allowed(way) && (way != Failing::Silent || self.random.u32(0..3) == 0) {
                return way;
            }
        }
    }

    /// Lets what the matcher accepts fail in some runs from `run` on.
    pub(super) fn add(
        &mut self,
        item: (Endpoint, Failing),
        is_met: impl Fn(&Seen) -> bool + Send + Sync + 'static,
        run: u32,
    ) {
        let until = run + self.random.u32(1..=LONGEST);
        self.push(item, is_met, until);
    }

    /// The same for ever.
    pub(super) fn add_lasting(
        &mut self,
        item: (Endpoint, Failing),
        is_met: impl Fn(&Seen) -> bool + Send + Sync + 'static,
    ) {
        self.push(item, is_met, u32::MAX);
    }

    fn push(
        &mut self,
        (endpoint, way): (Endpoint, Failing),
        is_met: impl Fn(&Seen) -> bool + Send + Sync + 'static,
        until: u32,
    ) {
        self.met += 1;
        self.now
            .lock()
            .expect("nobody panics with it")
            .push(BadItem {
                endpoint,
                way,
                is_met: Box::new(is_met),
                until,
            });
    }

    /// Those whose time is over are good again.
    pub(super) fn pass(&mut self, run: u32) {
        let mut now = self.now.lock().expect("nobody panics with it");
        now.retain(|item| item.until > run);
    }

    /// What the service does otherwise in some runs, within what is known of it.
    pub(super) fn change_habits(&mut self, place: &Installation, stream: Stream, run: u32) {
        if run < self.until {
            return;
        }
        self.until = run + self.random.u32(1..6);
        let is_odd = self.random.u32(0..3) == 0;
        match stream {
            Stream::Siem1 => {
                place.set(|switches| {
                    switches.token_on_last = self.random.bool();
                    switches.end_without_meta = is_odd;
                });
            }
            Stream::Siem2 => self.change_lists(place, is_odd),
            Stream::Audit1 | Stream::Audit2 => self.change_pages(place, is_odd),
        }
    }

    fn change_lists(&mut self, place: &Installation, is_odd: bool) {
        let random = &mut self.random;
        let ways = [
            CaughtUp::WhenEmpty,
            CaughtUp::WithTheLast,
            CaughtUp::Never,
            CaughtUp::Unsaid,
        ];
        let (caught_up, overlap) = (ways[random.usize(0..ways.len())], random.usize(0..3));
        let all = BadEntry::WITHOUT_OBJECT.len();
        let bad = (is_odd && random.u32(0..4) == 0)
            .then(|| BadEntry::before(0, BadEntry::WITHOUT_OBJECT[random.usize(0..all)].1))
            .map(|entry| entry.of_type("receipt"));
        self.bad_entries += u64::from(bad.is_some());
        let beside = BadEntry::WITH_OBJECT[random.usize(0..BadEntry::WITH_OBJECT.len())].1;
        let (repeats, changes) = (random.bool(), random.bool());
        let is_empty_once = random.u32(0..4) == 0;
        place.set(|switches| {
            switches.caught_up = caught_up;
            switches.page_overlap = overlap;
            switches.lists_without_size = is_odd;
            switches.repeat_addresses = repeats;
            switches.next_page_changes = changes;
            switches.bad_entries = bad.into_iter().collect();
            if is_odd {
                switches.bad_entries.push(BadEntry::replacing(1, beside));
            }
            if is_empty_once {
                switches.empty_once.insert("receipt");
            }
        });
    }

    fn change_pages(&mut self, place: &Installation, is_odd: bool) {
        let random = &mut self.random;
        let count = match random.u32(0..8) {
            0 => TotalCount::Off(2),
            1 => TotalCount::Off(-2),
            2 | 3 => TotalCount::Absent,
            _ => TotalCount::Exact,
        };
        let (items, after) = (random.usize(2..6), random.usize(0..3));
        let pages = random.usize(1..4);
        let miss = AuditMiss {
            at: random.usize(0..4),
            events: random.usize(1..3),
        };
        let has_miss = count == TotalCount::Exact && random.bool();
        let (differ, last) = (random.bool(), random.bool());
        place.set(|switches| {
            switches.total_count = count;
            switches.audit_page_items = is_odd.then_some(items);
            switches.empty_audit_pages = is_odd
                .then_some(EmptyPages { after, pages })
                .into_iter()
                .collect();
            switches.audit_misses = has_miss.then_some(miss).into_iter().collect();
            switches.audit_forms_differ = differ;
            switches.next_on_last_page = last;
        });
    }

    /// Everything is good again.
    pub(super) fn heal(&self, place: &Installation) {
        self.now.lock().expect("nobody panics with it").clear();
        place.set(|switches| {
            switches.bad_entries.clear();
            switches.empty_once.clear();
            switches.audit_misses.clear();
            switches.empty_audit_pages.clear();
            switches.total_count = TotalCount::Exact;
            switches.caught_up = CaughtUp::WhenEmpty;
        });
    }
}
