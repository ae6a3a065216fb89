//! P1, P2 and P7 when a run that delivers is killed at a file-system call, whichever it is.

use crate::Points;
use crate::far_ends::Place;
use crate::strace;
use crate::stream::Stream;
use crate::tally::Tally;
use mimecast_sandbox::receivers::{Product, Transport};

/// A far end, with its name.
type Made = (&'static str, fn() -> Place);

/// One of each way to confirm.
const ENDS: [Made; 4] = [
    ("webhook", || Place::http(Product::Webhook)),
    ("bulk", || Place::http(Product::Bulk)),
    ("relp", || Place::syslog(Transport::Relp)),
    ("tcp", || Place::syslog(Transport::Tcp)),
];

pub(crate) fn run(points: &Points) -> Tally {
    strace::require();
    let mut random = points.random();
    let mut tally = Tally::default();
    for (name, make) in ENDS {
        let calls = strace::calls(&waiting(make).installation, Stream::Siem1);
        for point in points.chosen(&calls, &mut random) {
            let label = format!("{name}: killed at {point}");
            let (mut is_killed, mut repeated) = (false, 0);
            tally.check(&label, || {
                let place = waiting(make);
                let outcome = strace::kill(&place.installation, Stream::Siem1, point);
                assert!([-1, 137, 0].contains(&outcome.code), "{outcome:?}");
                is_killed = outcome.code != 0;
                let after = place.installation.siem();
                assert!([0, 65].contains(&after.code), "{after:?}");
                place.installation.assert_siem_complete();
                place.assert_none_lost(place.published().len());
                assert!(place.waiting().is_empty(), "{:?}", place.waiting());
                repeated = place.arrived().len() - place.published().len();
                let is_told = after.stderr.contains("twice");
                assert!(repeated == 0 || is_told, "{repeated} repeated: {after:?}");
                assert!(
                    repeated == 0 || name != "bulk",
                    "{repeated} twice in one index"
                );
                place.installation.siem().stays_silent();
            });
            tally.count(&format!("{name}: points of {}", point.of()), 1);
            tally.count(&format!("{name}: killed"), u64::from(is_killed));
            tally.count(
                &format!("{name}: with a repeated event"),
                u64::from(repeated > 0),
            );
        }
    }
    tally
}

/// A place with work for collection and delivery.
fn waiting(make: fn() -> Place) -> Place {
    let place = make();
    place
        .installation
        .set(|switches| switches.replays_differ = true);
    place.installation.serve_batches(1..2, 6);
    place.installation.siem().stays_silent();
    place.installation.serve_batches(2..4, 6);
    place
}
