//! Tests that the collector saves no time that it cannot be sure of.

use chrono::{DateTime, TimeDelta, Utc};

use super::world::World;
use crate::spool::{Batch, Digest, Left, Spool};

fn long_ago() -> DateTime<Utc> {
    "2001-01-01T00:00:00Z".parse().unwrap()
}

fn open(world: &World) -> Spool {
    let (mut spool, _) = world.open().unwrap();
    spool.set_unknown_time(Some(world.time()));
    spool
}

fn batch(spool: &Spool, id: &[u8]) -> Batch {
    let mut batch = spool.batch(long_ago());
    batch.remember([Digest::of(id)]);
    batch
}

fn assert_no_time(world: &World) {
    let (spool, _) = world.open().unwrap();
    assert_eq!((spool.began(), spool.last_success()), (None, None));
    assert_eq!(spool.clock(), None);
}

#[test]
fn a_run_that_does_not_know_the_time_keeps_none() {
    let world = World::new(0);
    let mut spool = open(&world);
    let left = Left {
        troubles: vec!["clocks".to_owned()],
        not_before: None,
    };
    spool.leave(&left, long_ago()).unwrap();
    drop(spool);
    assert_no_time(&world);
    let mut spool = open(&world);
    let one = batch(&spool, b"one");
    spool.commit(one, Some("1".to_owned()), long_ago()).unwrap();
    spool.finish(long_ago(), &[]).unwrap();
    drop(spool);
    assert_no_time(&world);
    // but it remembers its published ids with the latest plausible time
    let (spool, _) = world.open().unwrap();
    let hour_ago = world.time() - TimeDelta::hours(1);
    spool.recall_since(hour_ago.timestamp()).unwrap();
    assert!(spool.has_seen(Digest::of(b"one")).unwrap());
}

#[test]
fn once_the_time_is_known_it_is_kept_and_an_unknown_one_does_not_replace_it() {
    let world = World::new(0);
    let mut spool = open(&world);
    let one = batch(&spool, b"one");
    spool.commit(one, Some("1".to_owned()), long_ago()).unwrap();
    spool.set_unknown_time(None);
    spool.finish(world.time(), &[]).unwrap();
    drop(spool);
    let now = Some(world.time());
    let mut spool = open(&world);
    let two = batch(&spool, b"two");
    spool.commit(two, Some("2".to_owned()), long_ago()).unwrap();
    spool.finish(long_ago(), &[]).unwrap();
    assert_eq!((spool.began(), spool.last_success()), (now, now));
    assert_eq!(spool.clock(), now);
}
