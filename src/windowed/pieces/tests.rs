//! A bad item costs no other item and few pages, at any place.

use super::*;
use proptest::prelude::*;

/// Mimecast's side: a second with this number of events, and at most `cap` on a page.
struct Second {
    events: usize,
    cap: usize,
    asked: usize,
}

impl Second {
    /// Reads pages from the first, until the last or until `page` wants another size.
    fn read(&mut self, size: usize, mut page: impl FnMut(usize, usize) -> Option<bool>) -> bool {
        let mut at = 0;
        loop {
            self.asked += 1;
            let items = size.min(self.cap).min(self.events - at);
            match page(at, items) {
                Some(goes_on) => return goes_on,
                None => at += items,
            }
            if at >= self.events {
                return false;
            }
        }
    }
}

/// Reads a second with an item that makes its page unreadable. Returns the events read and the
/// pages requested.
fn with_unreadable(bad: usize, mut second: Second) -> (Vec<bool>, usize) {
    let mut pieces = Pieces::new(500);
    let mut found = vec![false; second.events];
    loop {
        let size = pieces.size();
        let again = second.read(size, |at, items| {
            if (at..at + items).contains(&bad) {
                return Some(pieces.unread(at));
            }
            found[at..at + items].fill(true);
            pieces.arrived(at + items, items).then_some(true)
        });
        assert!(second.asked < 5_000, "no end");
        if !again {
            return (found, second.asked);
        }
    }
}

/// Reads a second with items that hide what follows them on their page.
fn with_broken(bad: &[usize], mut second: Second) -> (Vec<bool>, usize) {
    let mut pieces = Pieces::new(500);
    let mut found = vec![false; second.events];
    loop {
        let size = pieces.size();
        let again = second.read(size, |at, items| {
            let first = bad.iter().find(|bad| (at..at + items).contains(bad));
            found[at..first.copied().unwrap_or(at + items)].fill(true);
            let covered = pieces.covered();
            let new = bad
                .iter()
                .find(|bad| (covered.max(at)..at + items).contains(bad));
            if new.is_some_and(|new| pieces.broken(*new, (at, items))) {
                return Some(true);
            }
            pieces.arrived(at + items, items).then_some(true)
        });
        assert!(second.asked < 5_000, "no end");
        if !again {
            return (found, second.asked);
        }
    }
}

const fn second(events: usize) -> Second {
    Second {
        events,
        cap: 500,
        asked: 0,
    }
}

#[test]
fn all_events_before_one_that_cannot_be_read_are_found_in_few_pages() {
    for bad in [0, 1, 7, 100, 399, 400] {
        let (found, asked) = with_unreadable(bad, second(401));
        assert!(found[..bad].iter().all(|found| *found), "{bad}");
        assert!(asked < 40, "{bad}: {asked} pages");
    }
}

#[test]
fn all_events_around_one_that_is_not_json_are_found_in_few_pages() {
    for bad in [0, 1, 7, 100, 399, 400] {
        let (found, asked) = with_broken(&[bad], second(401));
        let lost = (0..401).find(|at| *at != bad && !found[*at]);
        assert_eq!(lost, None, "{bad}");
        assert!(asked < 25, "{bad}: {asked} pages");
    }
}

#[test]
fn pages_that_are_cut_become_small_enough() {
    let mut pieces = Pieces::new(500);
    let (mut second, mut found) = (second(300), 0);
    while second.read(pieces.size(), |at, items| {
        if items > 9 {
            return Some(pieces.unread(at));
        }
        found = found.max(at + items);
        pieces.arrived(at + items, items).then_some(true)
    }) {}
    assert_eq!(found, 300);
}

proptest! {
    #[test]
    fn whatever_a_page_holds_at_most_there_is_an_end(
        events in 1_usize..600,
        cap in 1_usize..600,
        bad in 0_usize..600,
        other in 0_usize..600,
    ) {
        let second = || Second { events, cap, asked: 0 };
        let bad = bad % events;
        let (found, _) = with_unreadable(bad, second());
        prop_assert!(found[..bad].iter().all(|found| *found));
        with_broken(&[bad.min(other), bad.max(other)], second());
    }
}
