//! What waits for a destination, and what happens to it.

use std::fs;

use super::{FarEnd, Place};
use crate::harness::{AUDIT, SETUP, SIEM};
use mimecast_sandbox::receivers::{Http, Product};

fn http(place: &Place) -> &Http {
    match &place.end {
        FarEnd::Http(http) => http,
        FarEnd::Syslog(_) => unreachable!("it is HTTP"),
    }
}

#[test]
fn an_agent_that_takes_files_takes_nothing_from_a_destination() {
    for place in Place::all() {
        place
            .installation
            .edit("config.toml", "localhost", "127.0.0.2"); // nobody is there
        if let FarEnd::Http(http) = &place.end {
            http.refuses_all(401);
        }
        place.collect(1..3, 20);
        let lines = place.published();
        for entry in fs::read_dir(place.installation.path("data/mta")).expect("a folder") {
            fs::remove_file(entry.expect("an entry").path()).expect("removed");
        }
        assert!(!place.waiting().is_empty());
        place
            .installation
            .edit("config.toml", "127.0.0.2", "localhost");
        if let FarEnd::Http(http) = &place.end {
            http.refuses_nothing();
        }
        place.installation.siem().stays_silent();
        let mut arrived = place.arrived();
        arrived.sort();
        let mut lines = lines;
        lines.sort();
        assert_eq!(arrived, lines);
    }
}

#[test]
fn a_new_destination_begins_with_what_is_published_or_with_what_comes() {
    for (begin, first) in [("oldest", 20), ("now", 0)] {
        let place = Place::of(
            FarEnd::Http(Http::start(Product::Webhook)),
            &format!("begin = \"{begin}\""),
        );
        let config = fs::read_to_string(place.installation.path("config.toml")).expect("text");
        place.installation.configure(""); // before there was a destination
        place.collect(1..2, 20).stays_silent();
        fs::write(place.installation.path("config.toml"), config).expect("written");
        place.installation.siem().stays_silent();
        assert_eq!(place.arrived().len(), first, "{begin}");
        place.collect(2..3, 20).stays_silent();
        assert_eq!(place.arrived().len(), first + 20, "{begin}");
    }
}

#[test]
fn only_the_flag_empties_the_outbox_of_a_destination_that_is_gone() {
    let place = Place::http(Product::Webhook);
    http(&place).refuses_all(401);
    place.collect(1..2, 20).ends_with(77);
    let waiting = place.waiting().len();
    assert!(waiting > 0);
    place.installation.configure("");
    place.installation.siem().stays_silent();
    assert_eq!(place.waiting().len(), waiting);
    let status = place.installation.run(SIEM, ["status"]).ends_with(0);
    assert!(status.stdout.contains("--drop-outbox soc"), "{status:?}");
    place
        .installation
        .run(SIEM, ["--drop-outbox", "sox"])
        .ends_with(64)
        .says("no outbox");
    let dropped = place
        .installation
        .run(SIEM, ["--drop-outbox", "soc", "--json"]);
    assert_eq!(dropped.ends_with(0).json()["dropped"], waiting);
    assert!(place.waiting().is_empty());
}

#[test]
fn any_collector_delivers_what_waits_and_streams_choose_the_folders() {
    let place = Place::of(
        FarEnd::Http(Http::start(Product::Webhook)),
        "streams = [\"mta\"]",
    );
    http(&place).refuses_all(401);
    place.collect(1..2, 5).ends_with(77);
    http(&place).refuses_nothing();
    place.installation.run(AUDIT, [""; 0]);
    place.assert_delivered();
}

#[test]
fn a_changed_file_is_not_delivered_and_the_run_says_so() {
    let place = Place::http(Product::Webhook);
    http(&place).refuses_all(401);
    place.collect(1..2, 20).ends_with(77);
    http(&place).refuses_nothing();
    let name = place.waiting().remove(0);
    let path = place.installation.path("data/outbox/soc").join(&name);
    let mut text = fs::read(&path).expect("readable");
    text[10] ^= 1;
    fs::write(&path, text).expect("written");
    place.installation.siem().ends_with(65).says("has changed");
    place.installation.siem().stays_silent();
    assert!(place.waiting().is_empty());
}

#[test]
fn a_record_that_is_damaged_or_lost_repeats_at_most_a_batch_and_says_so() {
    for (damage, told) in [("damaged", true), ("lost", true)] {
        let place = Place::http(Product::Webhook);
        place.collect(1..2, 20).stays_silent();
        let record = place.installation.path("checkpoint/deliver_soc.state");
        match damage {
            "damaged" => fs::write(&record, "x").expect("written"),
            _ => {
                fs::remove_file(&record).expect("removed");
                let _ = fs::remove_file(record.with_extension("state.prev"));
            }
        }
        let outcome = place.collect(2..3, 20);
        assert_eq!(outcome.code == 65, told, "{outcome:?}");
        place.assert_none_lost(20);
        place.installation.siem().stays_silent();
    }
}

#[test]
fn the_outbox_has_limits_and_what_is_above_them_is_a_gap() {
    let place = Place::of(
        FarEnd::Http(Http::start(Product::Webhook)),
        "hold_bytes = 1000",
    );
    http(&place).refuses_all(401);
    place.collect(1..4, 20).ends_with(77);
    let outcome = place.installation.siem();
    let waiting = place.waiting();
    assert!(waiting.len() < 12, "{waiting:?} {outcome:?}");
    http(&place).refuses_nothing();
    place.installation.siem().ends_with(65).says("gave up");
}

#[test]
fn published_files_of_a_range_are_sent_again_on_purpose() {
    let place = Place::http(Product::Webhook);
    place.collect(1..3, 20).stays_silent();
    let resend = |from: &str, to: &str| {
        let range = ["resend", "soc", "--from", from, "--to", to, "--json"];
        place.installation.run(SIEM, range)
    };
    let none = resend("2020-01-01", "2020-01-02").ends_with(0).json();
    assert_eq!((&none["queued"], &none["events"]), (&0.into(), &0.into()));
    let all = resend("2020-01-01", "2030-01-01").ends_with(0).json();
    assert_eq!((&all["events"], &all["waiting"]), (&40.into(), &0.into()));
    assert_eq!(place.arrived().len(), 80);
    resend("2030-01-01", "2020-01-01").ends_with(64);
    let range = [
        "resend",
        "sox",
        "--from",
        "2020-01-01",
        "--to",
        "2030-01-01",
    ];
    let outcome = place.installation.run(SIEM, range).ends_with(64);
    outcome.says("no destination sox").says("name one of: soc");
}

#[test]
fn check_sends_one_marked_event_to_each_destination() {
    for place in Place::all() {
        let config = place.installation.path("config.toml").display().to_string();
        let mut check = place.installation.command(SETUP);
        check.args(["check", "--config", &config]);
        let found = place.installation.finish(check);
        assert!(found.stdout.contains("took a marked event"), "{found:?}");
        let arrived = place.arrived();
        assert_eq!(arrived.len(), 1);
        assert!(
            arrived[0].contains("A test of the Mimecast collector"),
            "{arrived:?}"
        );
        assert!(place.waiting().is_empty());
    }
    let place = Place::http(Product::Webhook);
    http(&place).refuses_all(401);
    let config = place.installation.path("config.toml").display().to_string();
    let mut check = place.installation.command(SETUP);
    check.args(["check", "--config", &config]);
    let found = place.installation.finish(check).ends_with(77);
    assert!(found.stdout.contains("bad  destination"), "{found:?}");
}

#[test]
fn one_destination_does_not_touch_another() {
    let (good, bad) = (Http::start(Product::Webhook), Http::start(Product::Webhook));
    bad.refuses_all(401);
    let place = Place::http(Product::Webhook);
    let tables: String = [("good", &good), ("bad", &bad)]
        .iter()
        .map(|(name, http)| {
            let url = http.url();
            format!("[[destination]]\nname = \"{name}\"\ntype = \"webhook\"\nurl = \"{url}\"\n")
        })
        .collect();
    place.installation.configure(&tables);
    let (name, value) = good.header().expect("it asks for one");
    let path = place.installation.path("credentials.toml");
    let mut secrets = fs::read_to_string(&path).expect("text");
    for destination in ["good", "bad"] {
        secrets += &format!("[destination.{destination}.headers]\n{name} = \"{value}\"\n");
    }
    fs::write(&path, secrets).expect("written");
    place.collect(1..3, 20).ends_with(77).says("bad");
    assert_eq!((good.stored().len(), bad.stored().len()), (40, 0));
    bad.refuses_nothing();
    place.installation.siem().stays_silent();
    assert_eq!((good.stored().len(), bad.stored().len()), (40, 40));
}

#[test]
fn a_killed_delivery_says_what_may_be_there_twice() {
    let place = Place::http(Product::Webhook);
    http(&place).delays(std::time::Duration::from_secs(3));
    place.installation.serve_batches(1..2, 20);
    let run = place.installation.spawn(SIEM);
    while http(&place).requests() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    place.installation.kill(run);
    place.installation.siem().ends_with(65).says("interrupted");
    place.assert_none_lost(20);
    place.installation.siem().stays_silent();
}
