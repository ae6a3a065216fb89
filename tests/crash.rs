//! P1, P2 and P3 when the programs are killed, as the out-of-memory killer or a power switch does.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{TimeDelta, Utc};

use crate::harness::{AUDIT, Installation, SIEM};
use mimecast_sandbox::{AuditEvent, Batch};

/// Random moments; the long form is `KILLS=1000 cargo test killed`.
fn kills() -> u32 {
    std::env::var("KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(120)
}

/// Where the random numbers start: anywhere, or where a run before has printed.
fn seed() -> u64 {
    let given = std::env::var("SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| fastrand::u64(..))
}

/// Kills `program` again and again while there is something to collect, then lets it finish.
pub(crate) fn kill_and_finish(
    place: &Installation,
    program: &str,
    folder: &str,
    refill: impl Fn(u32),
) {
    // a batch that is fetched a second time has other bytes, so that a repetition makes another file
    place.set(|switches| switches.replays_differ = true);
    let seed = seed();
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut seen: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for round in 0..kills() {
        refill(round);
        let child = place.spawn(program);
        std::thread::sleep(Duration::from_micros(random.u64(0..120_000)));
        place.kill(child);
        let now = place.files(folder);
        for (name, content) in &seen {
            assert_eq!(
                now.get(name),
                Some(content),
                "P3: {name} changed after it was seen"
            );
        }
        seen = now;
    }
    place.collect(program).stays_silent();
}

#[test]
fn killed_at_random_moments_the_siem_collector_loses_nothing_and_repeats_nothing() {
    let place = Installation::connected();
    kill_and_finish(&place, SIEM, "mta", |round| {
        if round % 3 == 0 {
            place.serve(Batch::realistic(u64::from(round), 40));
        }
    });
    place.assert_siem_complete();
}

#[test]
fn killed_at_random_moments_the_audit_collector_loses_nothing_and_repeats_nothing() {
    let place = Installation::configured("[audit]\nformat = \"json\"");
    let start = Utc::now();
    let old = (0..50).map(|hours| {
        AuditEvent::realistic(
            1_000_000 + hours,
            start - TimeDelta::hours(hours as i64 * 3 + 2),
        )
    });
    place.serve_events(old);
    kill_and_finish(&place, AUDIT, "audit", |round| {
        // one is late: it belongs to a past that may have been collected
        let [late, new] = [40, 3].map(TimeDelta::minutes);
        let number = u64::from(round) * 2;
        place.serve_events([
            AuditEvent::realistic(number, start - late),
            AuditEvent::realistic(number + 1, start - new),
        ]);
    });
    place.assert_audit_complete();
}
