//! Syslog: headers, framing, confirmation, certificates.

use std::fs;

use super::far_ends::STREAMS;
use super::{FarEnd, Place};
use mimecast_sandbox::receivers::{Framing, Syslog, Transport};

#[test]
fn each_protocol_delivers_each_event_once_and_in_order() {
    for transport in [Transport::Udp].into_iter().chain(STREAMS) {
        let place = Place::syslog(transport);
        place.collect(1..4, 40).stays_silent();
        let FarEnd::Syslog(syslog) = &place.end else {
            unreachable!("it is one")
        };
        syslog.wait_for(120);
        place.assert_delivered();
        assert!(place.waiting().is_empty());
        // nothing waits: nobody connects
        let connections = syslog.connections();
        place.installation.siem().stays_silent();
        assert_eq!(syslog.connections(), connections, "{transport:?}");
    }
}

#[test]
fn a_message_has_the_header_that_the_settings_ask_for() {
    for (more, pattern) in [
        (
            "hostname = \"gw1\"",
            "<134>1 T gw1 mimecast - receipt - datetime=",
        ),
        (
            "hostname = \"gw1\"\nstructured_data = \"[a@32473 b=\\\"c\\\"]\"",
            "<134>1 T gw1 mimecast - receipt [a@32473 b=\"c\"] datetime=",
        ),
        (
            "hostname = \"gw1\"\nformat = \"rfc3164\"",
            "<134>M D gw1 mimecast: datetime=",
        ),
    ] {
        let place = Place::of(FarEnd::Syslog(Syslog::start(Transport::Relp)), more);
        place.installation.serve_batches(1..2, 20);
        place.installation.siem().stays_silent();
        let FarEnd::Syslog(syslog) = &place.end else {
            unreachable!("it is one")
        };
        let wanted = pattern.split(' ').collect::<Vec<_>>();
        let fits = |message: &String| {
            let words: Vec<&str> = match pattern.contains("<134>M") {
                // month, day and time are three words
                true => message.splitn(6, ' ').collect(),
                false => message.split(' ').collect(),
            };
            let last = wanted.last().expect("it has words");
            words.iter().any(|word| word.starts_with(last)) && message.starts_with("<134>")
        };
        let messages = syslog.messages();
        assert!(messages.iter().all(fits), "{more}: {messages:?}");
        assert!(
            messages
                .iter()
                .all(|message| message.contains(" gw1 mimecast"))
        );
        let is_receipt = |message: &String| message.contains(" mimecast - receipt ");
        assert_eq!(
            messages.iter().any(is_receipt),
            !more.contains("3164"),
            "{messages:?}"
        );
    }
}

#[test]
fn a_receiver_that_expects_another_framing_is_noticed_and_nothing_is_lost() {
    let syslog = Syslog::builder(Transport::Tcp)
        .framing(Framing::Counted)
        .start();
    let place = Place::of(FarEnd::Syslog(syslog), "");
    let outcome = place.collect(1..3, 20).ends_with(78);
    assert!(outcome.stderr.contains("another framing"), "{outcome:?}");
    assert!(
        outcome.stderr.contains("framing = \"octet-count\""),
        "{outcome:?}"
    );
    assert!(place.arrived().is_empty());
    place.installation.edit(
        "config.toml",
        "type = \"syslog\"",
        "type = \"syslog\"\nframing = \"octet-count\"",
    );
    place.installation.siem().ends_with(65).says("twice"); // the first events were sent before
    place.assert_delivered();
}

#[test]
fn a_receiver_that_dies_while_it_reads_or_before_it_handles_loses_nothing() {
    for (kind, fault) in [
        ("reset", Syslog::resets_after as fn(&Syslog, usize)),
        ("killed", Syslog::dies_after_reading),
    ] {
        for transport in [Transport::Tcp, Transport::Tls] {
            let place = Place::syslog(transport);
            let FarEnd::Syslog(syslog) = &place.end else {
                unreachable!("it is one")
            };
            syslog.serves(); // the first event alone
            fault(syslog, 7);
            let outcome = place.collect(1..3, 40);
            place.assert_none_lost(80);
            assert_eq!(
                outcome.code,
                65,
                "{kind} {transport:?} {:?}",
                place.installation.log("siem")
            );
            outcome.says("twice");
            assert!(place.waiting().is_empty(), "{kind} {transport:?}");
        }
    }
}

#[test]
fn relp_repeats_only_what_was_not_confirmed() {
    for (fault, most) in [
        (
            Syslog::loses_connection_after_acks as fn(&Syslog, usize),
            128,
        ),
        (Syslog::serverclose_after, 128),
        (Syslog::acks_late, 0),
    ] {
        let place = Place::syslog(Transport::Relp);
        let FarEnd::Syslog(syslog) = &place.end else {
            unreachable!("it is one")
        };
        fault(syslog, 30);
        let outcome = place.collect(1..4, 100);
        assert!([0, 65].contains(&outcome.code), "{outcome:?}");
        place.assert_none_lost(most);
        assert!(place.waiting().is_empty());
    }
}

#[test]
fn a_message_that_relp_refuses_is_quarantined_alone() {
    let place = Place::syslog(Transport::Relp);
    place.installation.serve_batches(1..2, 20);
    let FarEnd::Syslog(syslog) = &place.end else {
        unreachable!("it is one")
    };
    place.installation.siem();
    let lines = place.published();
    let poison = lines[3].clone();
    drop(lines);
    let again = Place::syslog(Transport::Relp);
    let FarEnd::Syslog(strict) = &again.end else {
        unreachable!("it is one")
    };
    strict.refuses(&poison[..60]);
    again
        .collect(1..2, 20)
        .ends_with(65)
        .says("refused an event");
    let arrived = again.arrived();
    assert!(!arrived.contains(&poison));
    assert!(arrived.len() >= syslog.messages().len() - 2);
    assert!(again.waiting().is_empty());
}

#[test]
fn only_a_trusted_certificate_is_accepted_and_a_client_can_show_its_own() {
    for transport in [Transport::Tls, Transport::RelpTls] {
        let place = Place::syslog(transport);
        place
            .installation
            .edit("config.toml", "ca_file = \"siem-ca.pem\"", "");
        place
            .collect(1..2, 5)
            .ends_with(78)
            .says("not trusted")
            .says("ca_file");
        assert!(place.arrived().is_empty());
        place.configure();
        place.installation.siem().stays_silent();
        place.assert_delivered();

        let strict = Syslog::builder(transport)
            .requires_client_certificate()
            .start();
        let place = Place::of(FarEnd::Syslog(strict), "");
        let outcome = place.collect(1..2, 5);
        assert!([75, 78].contains(&outcome.code), "{outcome:?}");
        assert!(place.arrived().is_empty());
        let FarEnd::Syslog(syslog) = &place.end else {
            unreachable!("it is one")
        };
        let (cert, key) = syslog.client_pem();
        fs::write(place.installation.path("cert.pem"), cert).expect("written");
        fs::write(place.installation.path("key.pem"), key).expect("written");
        let with = "type = \"syslog\"\nclient_cert = \"cert.pem\"\nclient_key = \"key.pem\"";
        place
            .installation
            .edit("config.toml", "type = \"syslog\"", with);
        let outcome = place.installation.siem();
        assert!([0, 65].contains(&outcome.code), "{outcome:?}");
        place.assert_delivered();
    }
}

#[test]
fn a_long_message_is_cut_at_max_bytes_and_the_run_says_so() {
    let place = Place::of(
        FarEnd::Syslog(Syslog::start(Transport::Relp)),
        "max_bytes = 480",
    );
    place.installation.serve_batches(1..2, 20);
    let outcome = place.installation.siem();
    let FarEnd::Syslog(syslog) = &place.end else {
        unreachable!("it is one")
    };
    let longest = syslog.messages().iter().map(String::len).max();
    assert!(longest.is_some_and(|longest| longest <= 480), "{longest:?}");
    let is_cut = place.published().iter().any(|line| line.len() > 400);
    assert_eq!(outcome.code, if is_cut { 65 } else { 0 }, "{outcome:?}");
}

#[test]
fn datagrams_that_nobody_listens_for_are_not_counted_as_delivered() {
    let place = Place::syslog(Transport::Udp);
    let config = fs::read_to_string(place.installation.path("config.toml")).expect("text");
    let FarEnd::Syslog(syslog) = &place.end else {
        unreachable!("it is one")
    };
    let port = syslog.address().port().to_string();
    let free = Syslog::start(Transport::Udp).address().port().to_string(); // it ends at once
    place.installation.edit("config.toml", &port, &free);
    place.collect(1..2, 20).ends_with(75);
    assert!(!place.waiting().is_empty());
    fs::write(place.installation.path("config.toml"), config).expect("written");
    place.installation.siem().stays_silent();
    syslog.wait_for(20);
    place.assert_delivered();
}
