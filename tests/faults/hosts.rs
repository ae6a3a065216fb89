//! A host that is not there.

use std::net::TcpListener;
use std::time::Duration;

use super::{Collector, move_to};

const IMPATIENT: &str = "retries = 1\nretry_wait_ms = 5\nconnect_timeout_seconds = 1";

#[test]
fn a_refused_connection_is_left_for_later() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("bound");
    drop(free);
    for collector in Collector::ALL {
        let place = collector.behind();
        move_to(collector, &place, &format!("http://{address}"), IMPATIENT);
        collector.holds(&place, 75, "127.0.0.1: no connection: ");
        move_to(collector, &place, &place.sandbox.url(), IMPATIENT);
        collector.recovers(&place);
    }
}

#[test]
fn a_name_that_does_not_resolve_is_left_for_later_and_named() {
    let collector = Collector::Siem;
    let place = collector.behind();
    let nowhere = "https://nonexistent-collector-test.mimecast.com";
    let network = format!("{IMPATIENT}\nproxy = \"none\"");
    move_to(collector, &place, nowhere, &network);
    let outcome = collector.holds(&place, 75, "nonexistent-collector-test.mimecast.com: ");
    assert!(outcome.took < Duration::from_secs(20), "P4: {outcome:?}");
    move_to(collector, &place, &place.sandbox.url(), IMPATIENT);
    collector.recovers(&place);
}

/// A listener whose queue is full answers no further greeting, as an address behind a silent firewall.
#[cfg(target_os = "linux")]
#[test]
fn a_host_that_swallows_every_packet_is_left_for_later_within_the_limit() {
    use std::net::TcpStream;
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("bound");
    let soon = Duration::from_millis(150);
    let queue: Vec<TcpStream> =
        std::iter::from_fn(|| TcpStream::connect_timeout(&address, soon).ok())
            .take(10_000)
            .collect();
    super::side_by_side(Collector::ALL, |collector| {
        let place = collector.behind();
        move_to(collector, &place, &format!("http://{address}"), IMPATIENT);
        let outcome = collector.holds(&place, 75, "127.0.0.1: no connection in time");
        assert!(outcome.took < Duration::from_secs(20), "P4: {outcome:?}");
        move_to(collector, &place, &place.sandbox.url(), IMPATIENT);
        collector.recovers(&place);
    });
    drop(queue);
}
