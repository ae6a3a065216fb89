//! Redirects of every status to every kind of place: never followed, and told by the host alone.

use std::io::ErrorKind;
use std::net::TcpListener;

use super::{Collector, side_by_side};
use mimecast_sandbox::{Endpoint, changes};

/// Where to, with `PORT` for that of a listener that nobody may come to.
const TARGETS: [(&str, &str); 8] = [
    (
        "http://127.0.0.1:PORT/steal?ticket=canary-query",
        "a redirect to 127.0.0.1",
    ),
    (
        "https://127.0.0.1:PORT/steal?ticket=canary-query",
        "a redirect to 127.0.0.1",
    ),
    (
        "http://user:canary-query@localhost:PORT/",
        "a redirect to localhost",
    ),
    ("//127.0.0.1:PORT/canary-query", ""),
    ("/canary-query", ""), // the same host: the sandbox would complain
    ("", ""),
    (
        "http://169.254.169.254/latest?canary-query",
        "a redirect to 169.254.169.254",
    ),
    ("file:///etc/passwd?canary-query", ""),
];

#[test]
fn the_target_of_a_redirect_is_never_contacted() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a free port");
    elsewhere.set_nonblocking(true).expect("a socket can");
    let port = elsewhere.local_addr().expect("bound").port().to_string();
    side_by_side(Collector::calls(), |(collector, call)| {
        let place = collector.behind();
        let statuses = [301, 302, 303, 307, 308].into_iter().cycle();
        for (status, (target, told)) in statuses.zip(TARGETS) {
            println!("{collector:?} {call:?} {status} {target}");
            let redirect = changes::redirect_to(&target.replace("PORT", &port));
            place.always(call, move |reply| {
                redirect(reply);
                reply.status = status;
            });
            let before = place.count(call);
            // asked once more, each of two objects; for audit events another window is tried, too
            let code = if call == Endpoint::Object { 75 } else { 76 };
            let outcome = collector.holds(&place, code, told);
            let asked = place.count(call) - before;
            assert!((2..=4).contains(&asked), "no loop: {asked}");
            place.clear();
            collector.recovers(&place);
            collector.refill(&place);
            assert!(!outcome.stderr.contains("canary-query"), "P6: {outcome:?}");
        }
        assert!(!place.log("").contains("canary-query"), "P6");
        collector.recovers(&place);
    });
    let contacted = elsewhere.accept().expect_err("P6: nobody came");
    assert_eq!(contacted.kind(), ErrorKind::WouldBlock);
}

/// A status that is no redirect is none, whatever its headers say.
#[test]
fn a_location_beside_another_status_leads_nowhere() {
    for collector in Collector::ALL {
        let place = collector.behind();
        let header = changes::header("location", "http://127.0.0.1:9/");
        place.always(collector.endpoint(), header);
        collector.overcomes(&place);
    }
}
