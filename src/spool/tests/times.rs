//! Tests of the times in the record. The collector saves no time that it cannot be sure of.

use chrono::{DateTime, TimeDelta, Utc};

use super::one_file::{TEXT, commit};
use super::simulation::Simulation;
use crate::spool::{Batch, Digest, Left, Spool};

fn long_ago() -> DateTime<Utc> {
    "2001-01-01T00:00:00Z".parse().unwrap()
}

fn open(simulation: &Simulation) -> Spool {
    let (mut spool, _) = simulation.open().unwrap();
    spool.set_unknown_time(Some(simulation.time()));
    spool
}

fn batch(spool: &Spool, id: &[u8]) -> Batch {
    let mut batch = spool.batch(long_ago());
    batch.remember([Digest::of(id)]);
    batch
}

fn assert_no_time(simulation: &Simulation) {
    let (spool, _) = simulation.open().unwrap();
    assert_eq!((spool.began(), spool.last_success()), (None, None));
    assert_eq!(spool.clock(), None);
}

#[test]
fn a_run_that_does_not_know_the_time_keeps_none() {
    let simulation = Simulation::new(0);
    let mut spool = open(&simulation);
    let left = Left {
        troubles: vec!["clocks".to_owned()],
        not_before: None,
    };
    spool.leave(&left, long_ago()).unwrap();
    drop(spool);
    assert_no_time(&simulation);
    let mut spool = open(&simulation);
    let one = batch(&spool, b"one");
    spool.commit(one, Some("1".to_owned()), long_ago()).unwrap();
    spool.finish(long_ago(), &[]).unwrap();
    drop(spool);
    assert_no_time(&simulation);
    // but it remembers its published ids with the latest plausible time
    let (spool, _) = simulation.open().unwrap();
    let hour_ago = simulation.time() - TimeDelta::hours(1);
    spool.recall_since(hour_ago.timestamp()).unwrap();
    assert!(spool.has_seen(Digest::of(b"one")).unwrap());
}

#[test]
fn once_the_time_is_known_it_is_kept_and_an_unknown_one_does_not_replace_it() {
    let simulation = Simulation::new(0);
    let mut spool = open(&simulation);
    let one = batch(&spool, b"one");
    spool.commit(one, Some("1".to_owned()), long_ago()).unwrap();
    spool.set_unknown_time(None);
    spool.finish(simulation.time(), &[]).unwrap();
    drop(spool);
    let now = Some(simulation.time());
    let mut spool = open(&simulation);
    let two = batch(&spool, b"two");
    spool.commit(two, Some("2".to_owned()), long_ago()).unwrap();
    spool.finish(long_ago(), &[]).unwrap();
    assert_eq!((spool.began(), spool.last_success()), (now, now));
    assert_eq!(spool.clock(), now);
}

#[test]
fn a_wait_that_was_asked_for_is_remembered_until_a_run_gets_through() {
    let simulation = Simulation::new(0);
    let until = simulation.time();
    let (mut spool, _) = simulation.open().unwrap();
    commit(&mut spool, TEXT).unwrap();
    let left = Left {
        not_before: Some(until),
        ..Left::default()
    };
    spool.leave(&left, until).unwrap();
    drop(spool);
    let (mut spool, _) = simulation.open().unwrap();
    assert_eq!(
        (spool.not_before(), spool.last_success()),
        (Some(until), None)
    );
    spool.finish(until, &[]).unwrap();
    drop(spool);
    let (spool, _) = simulation.open().unwrap();
    assert_eq!(
        (spool.not_before(), spool.last_success()),
        (None, Some(until))
    );
}
