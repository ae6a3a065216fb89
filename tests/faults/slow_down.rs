//! Requests to slow down: obeyed, remembered, and never believed blindly.

use std::fs;
use std::thread;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Collector, side_by_side};
use crate::harness::Installation;
use mimecast_sandbox::{Endpoint, Reply, changes};

const HOUR_MS: u64 = 3_600_000;

/// What a header says, written when the answer is made.
#[derive(Clone, Copy, Debug)]
enum Hint {
    Text(&'static str),
    /// So many seconds from then, as an HTTP date.
    Http(i64),
    /// The same in seconds since 1970.
    Seconds(i64),
    /// The same in milliseconds since 1970.
    Milliseconds(i64),
}
use Hint::{Http, Milliseconds, Seconds, Text};

/// Header names and what they say.
type Hints = &'static [(&'static str, Hint)];

impl Hint {
    fn value(self) -> String {
        let then = |seconds| Utc::now() + TimeDelta::seconds(seconds);
        match self {
            Text(text) => text.to_owned(),
            Http(ahead) => then(ahead).format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
            Seconds(ahead) => then(ahead).timestamp().to_string(),
            Milliseconds(ahead) => then(ahead).timestamp_millis().to_string(),
        }
    }
}

/// 429 with these headers and no others about waiting.
fn slow_down(hints: Hints) -> impl Fn(&mut Reply) + Send + Sync {
    move |reply| {
        changes::rate_limited(None, None)(reply);
        for (name, hint) in hints {
            reply.set_header(name, &hint.value());
        }
    }
}

const RESET: &str = "x-ratelimit-reset";
const RETRY_AFTER: &str = "retry-after";

#[test]
fn a_short_wait_is_waited_and_not_mentioned() {
    let cases: [(Hints, u64); 10] = [
        (&[(RESET, Text("0"))], 0),
        (&[(RESET, Text("1"))], 1),
        (&[(RESET, Text("50"))], 50),
        (&[(RETRY_AFTER, Text("0"))], 0),
        (&[(RETRY_AFTER, Text("1"))], 1_000),
        (&[(RETRY_AFTER, Text("1")), (RESET, Text("3600000"))], 1_000),
        (&[(RETRY_AFTER, Text("x")), (RESET, Text("50"))], 50),
        (&[(RETRY_AFTER, Http(2))], 1_000),
        (&[(RESET, Seconds(2))], 1_000),
        (&[(RESET, Milliseconds(2))], 1_000),
    ];
    side_by_side(cases, |(hints, least_ms)| {
        let collector = Collector::Siem;
        let place = collector.behind();
        let before = place.count(collector.endpoint());
        println!("{hints:?}");
        place.next(collector.endpoint(), slow_down(hints));
        collector.overcomes(&place);
        let requests = place.requests();
        let waited = requests[before + 1].arrived - requests[before].arrived;
        assert!(waited >= Duration::from_millis(least_ms), "{waited:?}");
        assert!(waited < Duration::from_secs(8), "{waited:?}");
    });
}

/// Hints of an hour and more.
const LONG_WAITS: [Hints; 8] = [
    &[(RESET, Text("3600000"))],
    &[(RESET, Text("86400000"))],
    &[(RESET, Text("1000000000000000000"))],
    &[(RESET, Text("18446744073709551615"))],
    &[(RESET, Seconds(7_200))],
    &[(RESET, Milliseconds(7_200))],
    &[(RETRY_AFTER, Text("3600"))],
    &[(RETRY_AFTER, Http(7_200))],
];

#[test]
fn a_long_wait_ends_the_run_at_once_and_is_believed_for_an_hour_at_most() {
    side_by_side(Collector::calls(), |(collector, call)| {
        let place = collector.behind();
        for hints in LONG_WAITS {
            println!("{collector:?} {call:?} {hints:?}");
            place.clear();
            place.always(call, slow_down(hints));
            let before = place.count(call);
            let outcome = collector.holds(&place, 75, "slow down until");
            assert!(outcome.took < Duration::from_secs(10), "{outcome:?}");
            // one slow object is put off; a second one shows that it is the store
            let asked = if call == Endpoint::Object { 2 } else { 1 };
            assert_eq!(place.count(call), before + asked);
            let remembered = not_before(&place, collector);
            assert!(remembered <= Utc::now() + TimeDelta::hours(1));
            remember(&place, collector, Utc::now());
        }
        collector.recovers(&place);
    });
}

#[test]
fn before_the_remembered_time_no_run_asks_and_after_it_all_goes_on() {
    for (collector, call) in Collector::calls() {
        let place = collector.behind();
        place.always(call, changes::rate_limited(Some(HOUR_MS), None));
        collector.holds(&place, 75, "slow down until");
        let before = place.clear().requests().len();
        (0..2).for_each(|_| drop(collector.holds(&place, 75, "slow down until")));
        assert_eq!(place.requests().len(), before, "nobody is asked");
        remember(&place, collector, Utc::now()); // as if that hour had passed
        collector.recovers(&place);
    }
}

#[test]
fn a_remembered_time_that_only_a_wrong_clock_can_have_made_is_not_believed() {
    for collector in Collector::ALL {
        let place = collector.behind();
        let limited = changes::rate_limited(Some(HOUR_MS), None);
        place.next(collector.endpoint(), limited);
        collector.holds(&place, 75, "slow down until");
        remember(&place, collector, Utc::now() + TimeDelta::days(400));
        collector.recovers(&place);
    }
}

/// Hints that say nothing.
const NO_HINTS: [Hints; 9] = [
    &[],
    &[(RESET, Text(""))],
    &[(RESET, Text("-5"))],
    &[(RESET, Text("1.5"))],
    &[(RESET, Text("soon"))],
    &[(RESET, Text("1000000000000000000000000"))],
    &[(RETRY_AFTER, Text("-1"))],
    &[(RETRY_AFTER, Text("999999999"))],
    &[(RETRY_AFTER, Http(-3_600))],
];

#[test]
fn without_a_sensible_hint_it_waits_long_and_asks_nothing_meanwhile() {
    let of_siem = NO_HINTS.map(|hints| (hints, (Collector::Siem, Collector::Siem.endpoint())));
    let bare = Collector::calls()
        .into_iter()
        .map(|call| (NO_HINTS[0], call));
    side_by_side(
        of_siem.into_iter().chain(bare),
        |(hints, (collector, call))| {
            let place = collector.behind();
            let before = place.count(call);
            println!("{collector:?} {call:?} {hints:?}");
            place.always(call, slow_down(hints));
            let mut child = place.spawn(collector.program());
            while place.count(call) == before {
                thread::sleep(Duration::from_millis(5));
            }
            thread::sleep(Duration::from_millis(700));
            assert_eq!(child.try_wait().expect("ours"), None, "it waits");
            assert_eq!(place.count(call), before + 1);
            place.kill(child);
            collector.recovers(&place);
        },
    );
}

#[test]
fn a_limit_that_is_really_kept_slows_a_drain_down_and_loses_nothing() {
    let place = Collector::Siem.behind();
    Collector::Siem.refill(&place);
    place.set(|switches| switches.rate_limit = Some((1, 150)));
    let outcome = Collector::Siem.run(&place);
    assert!(outcome.took >= Duration::from_millis(450), "{outcome:?}");
    outcome.stays_silent();
    place.assert_siem_complete();
}

/// The time before which Mimecast asked not to be asked, as the state record has it.
fn not_before(place: &Installation, collector: Collector) -> DateTime<Utc> {
    let text = state(place, collector);
    let (_, record) = text.split_once('\n').expect("a head and a record");
    let record: Value = serde_json::from_str(record).expect("JSON");
    let time = record["not_before"].as_str().expect("a remembered time");
    time.parse().expect("a time")
}

/// Puts another time into the state record, as if it had been remembered then.
fn remember(place: &Installation, collector: Collector, time: DateTime<Utc>) {
    let text = state(place, collector);
    let (head, record) = text.split_once('\n').expect("a head and a record");
    let mut record: Value = serde_json::from_str(record).expect("JSON");
    record["not_before"] = time.to_rfc3339().into();
    let record = record.to_string();
    let sum = Sha256::digest(record.as_bytes());
    let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    let (magic, _) = head.split_once(' ').expect("a name and a checksum");
    fs::write(
        place.path(collector.state()),
        format!("{magic} {sum}\n{record}\n"),
    )
    .expect("written");
}

fn state(place: &Installation, collector: Collector) -> String {
    fs::read_to_string(place.path(collector.state())).expect("a state")
}
