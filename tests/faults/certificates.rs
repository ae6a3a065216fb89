//! P6 on the way to the host: whom the program trusts, and that it cannot be talked out of it.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::thread;

use rcgen::{CertificateParams, date_time_ymd};

use super::tls::Authority;
use super::{Collector, move_to};
use crate::harness::Installation;

const TRUSTING: &str = "retries = 2\nretry_wait_ms = 5\nca_file = \"ca.pem\"";
const TRUSTING_NOBODY_ELSE: &str = "retries = 2\nretry_wait_ms = 5";

fn sandbox(place: &Installation) -> SocketAddr {
    let url = place.sandbox.url();
    let address = url.strip_prefix("http://").expect("plain");
    address.parse().expect("an address")
}

/// Sends the collector back to the sandbox itself. The run there makes good what the others left undone.
fn recovers_at_the_sandbox(collector: Collector, place: &Installation, network: &str) {
    move_to(collector, place, &place.sandbox.url(), network);
    collector.recovers(place);
}

#[test]
fn a_certificate_of_an_unknown_authority_ends_the_run_before_anything_is_said() {
    let authority = Authority::new();
    for collector in Collector::ALL {
        let place = collector.behind();
        let front = authority.front("127.0.0.1", sandbox(&place), |_| ());
        let before = place.requests().len();
        move_to(collector, &place, &front.url(), TRUSTING_NOBODY_ELSE);
        collector
            .holds(&place, 75, "the connection is not trusted")
            .says("name its certificate as ca_file");
        assert_eq!(front.connections(), 1, "no storm of attempts");
        assert_eq!(place.requests().len(), before, "P6: nothing said");
        recovers_at_the_sandbox(collector, &place, TRUSTING_NOBODY_ELSE);
    }
}

#[test]
fn a_configured_authority_is_trusted() {
    let authority = Authority::new();
    for collector in Collector::ALL {
        let place = collector.behind();
        fs::write(place.path("ca.pem"), authority.pem()).expect("written");
        let front = authority.front("127.0.0.1", sandbox(&place), |_| ());
        move_to(collector, &place, &front.url(), TRUSTING);
        collector.overcomes(&place);
        assert!(front.connections() > 0);
    }
}

/// What is wrong with a certificate, and how it is told.
type Spoil = (&'static str, fn(&mut CertificateParams), &'static str);

const SPOILED: [Spoil; 3] = [
    (
        "127.0.0.1",
        |params| params.not_after = date_time_ymd(2020, 1, 1),
        "expired",
    ),
    (
        "127.0.0.1",
        |params| params.not_before = date_time_ymd(2100, 1, 1),
        "not valid yet",
    ),
    ("us-api.example.com", |_| (), "not valid for name"),
];

#[test]
fn a_configured_authority_makes_no_wrong_certificate_right() {
    let authority = Authority::new();
    let collector = Collector::Siem;
    let place = collector.behind();
    fs::write(place.path("ca.pem"), authority.pem()).expect("written");
    for (name, change, told) in SPOILED {
        let front = authority.front(name, sandbox(&place), change);
        move_to(collector, &place, &front.url(), TRUSTING);
        collector.holds(&place, 75, told).says("not trusted");
        assert_eq!(front.connections(), 1, "no storm of attempts");
        recovers_at_the_sandbox(collector, &place, TRUSTING);
        collector.refill(&place);
    }
    let other = Authority::new();
    let front = other.front("127.0.0.1", sandbox(&place), |_| ());
    move_to(collector, &place, &front.url(), TRUSTING);
    // what lasts is a matter of the configuration
    for code in [75, 75, 78] {
        collector.holds(&place, code, "not trusted");
    }
    recovers_at_the_sandbox(collector, &place, TRUSTING);
}

#[test]
fn an_authority_that_cannot_be_read_is_a_matter_of_the_configuration() {
    let collector = Collector::Siem;
    let place = collector.behind();
    move_to(collector, &place, &place.sandbox.url(), TRUSTING);
    collector.holds(&place, 78, "ca.pem");
    for text in [
        "",
        "not PEM",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        fs::write(place.path("ca.pem"), text).expect("written");
        collector.holds(&place, 78, "ca.pem");
    }
    recovers_at_the_sandbox(collector, &place, TRUSTING_NOBODY_ELSE);
}

#[test]
fn a_peer_that_speaks_no_tls_or_only_an_old_one_is_left_for_later() {
    let plain: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    let too_old: &[u8] = &[21, 3, 1, 0, 2, 2, 70]; // a fatal alert: protocol version
    let collector = Collector::Siem;
    let place = collector.behind();
    for answer in [plain, too_old, b""] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("https://{}", listener.local_addr().expect("bound"));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.write_all(answer); // it may have gone
            }
        });
        move_to(collector, &place, &url, TRUSTING_NOBODY_ELSE);
        collector.holds(&place, 75, "could not be reached");
    }
    recovers_at_the_sandbox(collector, &place, TRUSTING_NOBODY_ELSE);
}
