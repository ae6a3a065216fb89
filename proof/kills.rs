//! P1 to P3 when a run is killed at a file-system call, whichever it is, and the next one too.

use crate::Points;
use crate::harness::{Installation, Outcome};
use crate::strace::{self, Point};
use crate::stream::Stream;
use crate::tally::Tally;

pub(crate) fn run(points: &Points) -> Tally {
    strace::with_points(points, |stream, calls, random, tally| {
        let (mut reached, mut tried) = (0, 0);
        for point in points.chosen(calls, random) {
            let second = random.choice(calls).expect("a run makes calls");
            let label = format!("{}: killed at {point}, then at {second}", stream.name());
            let mut kills = [false; 2];
            tally.check(&label, || {
                let place = stream.set();
                for (killed, point) in kills.iter_mut().zip([point, second]) {
                    *killed = kill(&place, stream, point);
                }
                stream.run(&place).stays_silent();
                stream.assert_complete(&place);
                stream.run(&place).stays_silent();
                stream.assert_complete(&place);
            });
            tally.count(&format!("{}: points of {}", stream.name(), point.of()), 1);
            for (killed, which) in kills
                .into_iter()
                .zip(["killed", "killed again in recovery"])
            {
                tally.count(&format!("{}: {which}", stream.name()), u64::from(killed));
            }
            reached += u64::from(kills[0]);
            tried += 1;
        }
        tally.check(stream.name(), || {
            assert!(
                reached * 10 > tried * 9,
                "only {reached} of {tried} were killed"
            );
        });
    })
}

/// Whether the run came to that point; what it left published is whole.
fn kill(place: &Installation, stream: Stream, point: &Point) -> bool {
    let before = place.files(stream.folder());
    let outcome: Outcome = strace::kill(place, stream, point);
    assert!([-1, 137, 0].contains(&outcome.code), "{outcome:?}");
    place.assert_unchanged(stream.folder(), &before);
    stream.assert_whole(place);
    outcome.code != 0
}
