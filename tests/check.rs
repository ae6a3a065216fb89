//! `authentication_setup check`: what it finds, and that it changes nothing.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::faults::tls::Authority;
use crate::harness::{Installation, Outcome, SETUP};
use crate::watching::snapshot;
use mimecast_sandbox::{Endpoint, Object, changes};

/// The states of all checks of this name, and what they say.
fn found(outcome: &Outcome, name: &str) -> Vec<(String, String, String)> {
    let document: Value = outcome.json();
    let checks = document["checks"].as_array().expect("checks");
    let named = checks.iter().filter(|check| check["name"] == name);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    named
        .map(|check| {
            let parts = ["state", "text", "remedy"].map(|part| text(&check[part]));
            parts.into()
        })
        .collect()
}

fn check(place: &Installation) -> Outcome {
    place.run(SETUP, ["check", "--json"])
}

/// An installation that has collected something with both programs.
fn collected() -> Installation {
    let place = Installation::with_batches(0..1, 20);
    place.siem().stays_silent();
    place.audit().stays_silent();
    place
}

#[test]
fn a_good_installation_needs_nothing_and_stays_as_it_is() {
    let place = collected();
    let mut before = BTreeMap::new();
    snapshot(&place.path("."), &mut before);
    let outcome = place.run(SETUP, ["check"]);
    let mut after = BTreeMap::new();
    snapshot(&place.path("."), &mut after);
    assert_eq!(before, after);
    let bad = outcome.stdout.lines().find(|line| line.starts_with("bad"));
    assert_eq!(bad, None, "{outcome:?}");
    assert_eq!(outcome.stderr, "");
    let permissions = found(&check(&place), "permission");
    assert_eq!(permissions.len(), 2);
    assert!(
        permissions.iter().all(|(state, ..)| state == "ok"),
        "{permissions:?}"
    );
}

#[test]
fn what_may_be_as_it_should_is_advice() {
    let place = Installation::connected_by_token();
    let outcome = check(&place).ends_with(65);
    assert!(
        found(&outcome, "schedule")
            .iter()
            .all(|(state, ..)| state == "look")
    );
    assert!(
        found(&outcome, "events")
            .iter()
            .all(|(state, ..)| state == "look")
    );
    assert_eq!(found(&outcome, "log-in"), []);
}

#[test]
fn each_fault_has_its_line_its_remedy_and_its_code() {
    type Fault = fn(&Installation);
    let forbidden: Fault = |place| {
        place.set(|switches| switches.forbid = [Endpoint::Audit].into());
    };
    let outage: Fault = |place| {
        place.always(Endpoint::Audit, changes::status(503));
    };
    let no_folder: Fault = |place| fs::remove_dir(place.path("data/audit")).expect("removed");
    let no_keys: Fault = |place| fs::remove_file(place.path("credentials.toml")).expect("removed");
    let no_host: Fault = |place| {
        let text = fs::read_to_string(place.path("config.toml")).expect("readable");
        let closed = text.replace(&place.sandbox.url(), "http://127.0.0.1:9");
        fs::write(place.path("config.toml"), closed).expect("written");
    };
    for (fault, name, code, words) in [
        (
            forbidden,
            "permission",
            77,
            "\"Account | Logs | Read\" is missing",
        ),
        (outage, "permission", 75, "HTTP status 503"),
        (no_folder, "data folder", 74, "audit"),
        (no_keys, "secrets", 78, "access_key"),
        (no_host, "permission", 75, "could not be reached"),
    ] {
        let place = Installation::connected();
        fault(&place);
        let outcome = check(&place).ends_with(code);
        let found = found(&outcome, name);
        let is_told = |(state, text, remedy): &(String, String, String)| {
            state == "bad" && text.contains(words) && !remedy.is_empty()
        };
        assert!(found.iter().any(is_told), "{words}: {outcome:?}");
    }
}

#[test]
fn a_wrong_secret_is_refused_and_told_once() {
    let place = Installation::connected_by_token();
    place.configure_tokens("");
    fs::write(
        place.path("credentials.toml"),
        "client_secret = \"wrong\"\n",
    )
    .expect("written");
    crate::harness::set_mode(&place.path("credentials.toml"), 0o600);
    let outcome = check(&place).ends_with(77);
    let log_in = found(&outcome, "log-in");
    assert_eq!(log_in.len(), 1, "{outcome:?}");
    assert!(log_in[0].2.contains("step 3"), "{outcome:?}");
    assert_eq!(found(&outcome, "permission"), []);
}

#[test]
fn the_proxy_is_named_without_its_password() {
    let place = Installation::configured(
        "[network]\nretries = 0\nproxy = \"http://user:canary-word@127.0.0.1:9\"",
    );
    crate::harness::set_mode(&place.path("config.toml"), 0o600);
    let outcome = check(&place);
    assert_eq!(
        found(&outcome, "proxy")[0].1,
        "127.0.0.1:9 from the configuration"
    );
    assert!(!outcome.stdout.contains("canary-word"), "P6: {outcome:?}");
}

#[test]
fn without_a_configuration_it_names_the_places_it_looked_at() {
    let place = Installation::unconnected();
    let outcome = place.run(SETUP, ["check"]).ends_with(78);
    assert!(
        outcome.stdout.starts_with("bad  configuration"),
        "{outcome:?}"
    );
}

#[test]
fn a_proxy_that_opens_tls_is_recognised_by_its_signature() {
    let place = Installation::connected();
    let front = Authority::new().front_of(&["127.0.0.1"], &place);
    place.edit("config.toml", &place.sandbox.url(), &front.url());
    let before = place.requests().len();
    let outcome = check(&place).ends_with(75);
    let tls = found(&outcome, "TLS");
    assert_eq!(
        tls[0].1,
        "the certificate of 127.0.0.1 is signed by rcgen self signed cert"
    );
    let permission = found(&outcome, "permission");
    assert!(permission[0].1.contains("not trusted"), "{outcome:?}");
    assert_eq!(place.requests().len(), before, "P6: nothing is said");
}

#[test]
fn the_object_store_is_tried_with_an_object_of_a_list() {
    let place = Installation::of_types("receipt, av");
    let outcome = check(&place);
    assert!(
        found(&outcome, "object store")[0]
            .1
            .starts_with("not known")
    );
    place.serve_objects("av", [Object::realistic(1, 5)]);
    let outcome = check(&place);
    let store = &found(&outcome, "object store")[0];
    assert_eq!(
        (&*store.0, &*store.1),
        ("ok", "objects arrive from 127.0.0.1")
    );
    place.always(Endpoint::Object, changes::status(403));
    let outcome = check(&place);
    assert_eq!(found(&outcome, "object store")[0].0, "bad", "{outcome:?}");
}

#[cfg(unix)]
#[test]
fn who_may_read_the_files_is_told() {
    let place = Installation::connected();
    let outcome = check(&place);
    let agent = &found(&outcome, "agent")[0];
    assert_eq!(agent.0, "ok", "{outcome:?}");
    assert!(
        agent.1.contains("their owner and their group"),
        "{outcome:?}"
    );
    place.edit(
        "config.toml",
        "[folders]",
        "[folders]\nfile_mode = \"0600\"",
    );
    let outcome = check(&place);
    assert_eq!(found(&outcome, "agent")[0].0, "look", "{outcome:?}");
}
