//! P4 and P7 for entries of a list that lead to no object: neither their number nor what is new in each list holds
//! anything up.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::{Installation, SIEM};
use crate::told::Told;
use mimecast_sandbox::{Endpoint, Object, Reply};

/// Serves further entries and then one good object, in each list. `{store}` becomes the address of the store.
fn behind(entries: impl Fn(usize) -> String + Send + Sync + 'static) -> Installation {
    let place = Installation::configured_by_token(
        "[siem]\ncloud_gateway_types = \"receipt\"\n[run]\nbudget_minutes = 1",
    );
    let object = Object::realistic(1, 20);
    place.serve_objects("receipt", object);
    let lists = AtomicUsize::new(0);
    let store = format!("{}{}receipt", place.sandbox.url(), Endpoint::Object.path());
    place.always(Endpoint::Events, move |reply: &mut Reply| {
        let entries = entries(lists.fetch_add(1, Ordering::Relaxed)).replace("{store}", &store);
        let text = String::from_utf8(reply.body.to_vec()).expect("JSON");
        let more = text.replacen("\"value\":[{", &format!("\"value\":[{entries}{{"), 1);
        reply.set_body(more.into_bytes());
    });
    place
}

/// Nothing waits for them, and they are a gap that is told by one run.
fn are_a_gap(place: &Installation, runs: usize) {
    let mut told = Told::default();
    for _ in 0..runs {
        told.run(place, SIEM);
        place.assert_objects_complete();
    }
    let codes = told.codes();
    let times = codes.iter().filter(|code| **code == 65).count();
    assert_eq!((times, codes.last()), (1, Some(&0)), "{told:?}");
}

#[test]
fn a_list_of_200_000_addresses_that_no_store_has_takes_no_run_its_time() {
    let one = |number| format!(r#"{{"url":"https://10.0.0.1/{number}"}},"#);
    let all: String = (0..200_000).map(one).collect();
    are_a_gap(&behind(move |_| all.clone()), 3);
}

#[test]
fn a_hundred_thousand_objects_that_the_next_list_no_longer_names_take_no_run_its_time() {
    // the store is asked for one of them alone
    let one = |number| format!(r#"{{"url":"{{store}}/gone-{number}.json.gz?X-Signature=1"}},"#);
    let all: String = (0..100_000).map(one).collect();
    let place = behind(move |list| {
        if list == 0 {
            all.clone()
        } else {
            String::new()
        }
    });
    place.sandbox.allow_complaints();
    are_a_gap(&place, 3);
}

#[test]
fn an_entry_that_leads_nowhere_is_a_gap_whatever_is_new_in_each_list() {
    for entry in [
        r#"{"url":"https://user@192.0.2.1/a.json.gz?X-Signature=NEW"},"#,
        r#"{"url":"https://10.0.0.1/a.json.gz?X-Signature=NEW","expiry":"NEW"},"#,
        r#"{"expiry":"NEW","size":10},"#,
    ] {
        println!("{entry}");
        are_a_gap(&behind(|list| entry.replace("NEW", &list.to_string())), 3);
    }
}
