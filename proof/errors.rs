//! P1 to P3 and P7 when a file-system call fails, whichever it is.

use crate::Points;
use crate::strace::{self, Point};
use crate::stream::Stream;
use crate::tally::Tally;

const ERRORS: [&str; 7] = [
    "EIO", "ENOSPC", "EROFS", "EDQUOT", "EMFILE", "EACCES", "EINTR",
];

/// Calls whose failure must end a run: whoever passes over it could lose what it was about.
const DECISIVE: [&str; 6] = [
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "flock",
];

/// Calls whose failure nobody is told of, or that cannot fail so.
const UNTOLD: [&str; 1] = ["close"];

pub(crate) fn run(points: &Points) -> Tally {
    strace::with_points(points, |stream, calls, random, tally| {
        let (mut met, mut tried) = (0, 0);
        let told = calls
            .iter()
            .filter(|point| !UNTOLD.contains(&point.call.as_str()));
        let cases = told.flat_map(|point| ERRORS.map(|error| (point, error)));
        for (point, error) in points.chosen(cases, random) {
            let label = format!("{}: {error} from {point}", stream.name());
            let mut told = "failed the checks".to_owned();
            tally.check(&label, || {
                told = match fail_and_go_on(stream, point, error) {
                    Some(code) => format!("ended with {code}"),
                    None => "not met".to_owned(),
                };
            });
            tally.count(&format!("{}: points", stream.name()), 1);
            tally.count(&format!("{}: {told}", stream.name()), 1);
            met += u64::from(told != "not met");
            tried += 1;
        }
        let label = format!("{}: points", stream.name());
        tally.check(&label, || {
            assert!(met * 10 > tried * 8, "only {met} of {tried} were met")
        });
    })
}

/// The code of the run in which the call failed, if it did; the next run makes it good.
fn fail_and_go_on(stream: Stream, point: &Point, error: &str) -> Option<i32> {
    let place = stream.set();
    let failed = strace::fail(&place, stream, point, error)?;
    stream.assert_whole(&place);
    assert!([0, 65, 74, 75, 78].contains(&failed.code), "{failed:?}");
    if DECISIVE.contains(&point.call.as_str()) && error != "EINTR" {
        assert_eq!(failed.code, 74, "P7: a failure that nobody is told of");
    }
    // "change the configuration" is advice about rights, and about nothing that passes by itself
    let is_advice = error == "EACCES" || failed.stderr.contains("root certificates");
    assert!(failed.code != 78 || is_advice, "P7: {failed:?}");
    assert!(
        failed.code == 0 || !failed.stderr.is_empty(),
        "P7: {failed:?}"
    );
    let next = stream.run(&place);
    assert!(next.code == 0, "{next:?} after {failed:?}");
    stream.assert_complete(&place);
    stream.run(&place).stays_silent();
    stream.assert_complete(&place);
    Some(failed.code)
}
