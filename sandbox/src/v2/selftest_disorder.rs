//! Proof that lists overlap, hold bad entries and end in cursors that yield nothing, as a test asks for it.

use serde_json::{Value, json};

use super::by_hand::{
    addresses, download, fresh, list, next, recently, told, unpack, with_objects,
};
use crate::{
    BadEntry, CaughtUp, Endpoint, Object, Sandbox, at,
    changes::{self, Failing},
};

/// The names of a page's objects.
fn names(page: &Value) -> Vec<String> {
    let name = |url: &String| {
        let (path, _) = url.split_once('?').expect("a signature");
        path.rsplit('/').next().expect("a name").to_owned()
    };
    addresses(page).iter().map(name).collect()
}

fn part(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers
        .map(|number| format!("part-{number:06}.json.gz"))
        .collect()
}

#[test]
fn repeats_the_end_of_the_page_before() {
    let (sandbox, token) = with_objects("av", 5);
    sandbox.set(|switches| switches.page_overlap = 2);
    let ask = |query: &str| {
        list(&token, "av", &format!("{query}&pageSize=3"))
            .send(&sandbox)
            .json()
    };
    let first = ask(&recently());
    let second = ask(&next(&first));
    let third = ask(&next(&second));
    let end = ask(&next(&third));
    assert_eq!(names(&first), part(0..3));
    assert_eq!(names(&second), part(1..4));
    assert_eq!(names(&third), part(2..5));
    assert_eq!(told(&end), (0, &json!(true)));
    sandbox.serve_objects("av", Object::realistic(9, 1));
    assert_eq!(names(&ask(&next(&end))), part(3..6));
    sandbox.set(|switches| switches.page_overlap = 50);
    assert_eq!(
        names(&ask(&next(&third))),
        part(3..6),
        "each page has a new one"
    );
}

#[test]
fn mixes_bad_entries_with_good_ones() {
    let (sandbox, token) = with_objects("av", 4);
    sandbox.serve_objects("spam", Object::realistic(1, 1));
    let ask = |kind: &str| list(&token, kind, &recently()).send(&sandbox);
    for (label, raw) in BadEntry::WITHOUT_OBJECT {
        let raw = raw.to_owned();
        let good = sandbox.all_object_lines();
        sandbox.set(|switches| {
            let bad = [BadEntry::replacing(1, &raw), BadEntry::before(3, &raw)];
            switches.bad_entries = bad.map(|bad| bad.of_type("av")).into();
        });
        let page = ask("av").text();
        assert_eq!(page.matches(&raw).count(), 2, "{label}: {page}");
        assert_eq!(
            page.matches("part-000").count(),
            3 + 2 * raw.matches("part-000").count()
        );
        assert!(!page.contains("/part-000001"));
        assert_eq!(sandbox.object_lines("av").len(), 6, "one is hidden");
        assert!(!ask("spam").text().contains(&raw));
        sandbox.set(|switches| switches.bad_entries.clear());
        ask("av");
        assert_eq!(sandbox.all_object_lines(), good, "shown again");
    }
    for (label, raw) in BadEntry::WITH_OBJECT {
        sandbox.set(|switches| switches.bad_entries = vec![BadEntry::replacing(0, raw)]);
        let urls = addresses(&ask("av").json());
        assert_eq!((urls.len(), download(&urls[0]).status), (4, 200), "{label}");
    }
    sandbox.set(|switches| {
        switches.bad_entries.clear();
        switches.lists_without_size = true;
    });
    let page = ask("av").json();
    let entries = page["value"].as_array().expect("a list");
    assert!(entries.iter().all(|entry| entry.get("size").is_none()));
    assert_eq!(names(&page), part(0..4));
}

#[test]
fn hands_out_a_cursor_that_is_dead() {
    let (sandbox, token) = with_objects("url protect", 2);
    sandbox.serve_objects("av", Object::realistic(1, 1));
    let ask = |kind: &str, query: &str| list(&token, kind, query).send(&sandbox).json();
    let cases = [
        (CaughtUp::WhenEmpty, json!(true)),
        (CaughtUp::Unsaid, Value::Null),
        (CaughtUp::Never, json!(false)),
    ];
    for (way, said) in cases {
        sandbox.set(|switches| switches.dead_cursors.extend([("url protect", way)]));
        let first = ask("url protect", &recently());
        assert_eq!(first["@nextPage"], json!(sandbox.dead_cursor()));
        sandbox.serve_objects("url protect", Object::realistic(7, 1));
        let mut page = first;
        for _ in 0..3 {
            page = ask("url protect", &next(&page));
            assert_eq!(told(&page), (0, &said));
            assert_eq!(page["@nextPage"], json!(sandbox.dead_cursor()));
        }
        assert_ne!(ask("av", &recently())["@nextPage"], page["@nextPage"]);
    }
    sandbox.set(|switches| switches.dead_cursors.clear());
    let dead = json!({"@nextPage": sandbox.dead_cursor()});
    assert_eq!(told(&ask("url protect", &next(&dead))).0, 0, "for ever");
    assert_eq!(told(&ask("url protect", &recently())).0, 5);
}

#[test]
fn freezes_cursors_and_empties_lists_once() {
    let (sandbox, token) = with_objects("receipt", 3);
    let ask = |query: &str| list(&token, "receipt", query).send(&sandbox).json();
    let first = ask(&recently());
    sandbox.freeze_cursors("receipt");
    sandbox.serve_objects("receipt", Object::realistic(9, 1));
    for _ in 0..2 {
        let frozen = ask(&next(&first));
        assert_eq!(told(&frozen), (0, &json!(true)));
        assert_eq!(frozen["@nextPage"], first["@nextPage"]);
    }
    let again = ask(&recently());
    assert_eq!(told(&again).0, 4);
    sandbox.serve_objects("receipt", Object::realistic(10, 1));
    assert_eq!(names(&ask(&next(&again))), part(4..5));

    let once = || sandbox.set(|switches| switches.empty_once.extend(["receipt"]));
    once();
    let empty = ask(&recently());
    assert_eq!(told(&empty), (0, &json!(true)));
    assert_eq!(names(&ask(&next(&empty))), part(0..5));
    once();
    let empty = ask(&next(&again));
    assert_eq!(told(&empty).0, 0);
    assert_eq!(empty["@nextPage"], again["@nextPage"], "the same token");
    assert_eq!(names(&ask(&next(&again))), part(4..5));
}

#[test]
fn refuses_one_object_among_others() {
    let sandbox = Sandbox::start();
    for kind in ["url protect", "av"] {
        sandbox.serve_objects(kind, (0..3).map(|seed| Object::realistic(seed, 4)));
    }
    let token = fresh(&sandbox);
    let bad = at::object("url protect", "part-000001.json.gz");
    sandbox.always_at(Endpoint::Object, bad, Failing::Unavailable.change());
    let statuses = |kind: &str| {
        let page = list(&token, kind, &recently()).send(&sandbox).json();
        let statuses = addresses(&page);
        let statuses = statuses.iter().map(|url| download(url).status);
        statuses.collect::<Vec<u16>>()
    };
    for _ in 0..2 {
        assert_eq!(statuses("url protect"), [200, 503, 200]);
        assert_eq!(statuses("av"), [200; 3]);
    }
    sandbox.clear();
    sandbox.always_at(Endpoint::Events, at::event_type("av"), changes::status(500));
    sandbox.always_at(
        Endpoint::Object,
        at::event_type("url protect"),
        changes::unpacked(),
    );
    assert_eq!(list(&token, "av", &recently()).send(&sandbox).status, 500);
    let page = list(&token, "url protect", &recently())
        .send(&sandbox)
        .json();
    let body = download(&addresses(&page)[0]).body;
    assert!(body.starts_with(b"{") && body.ends_with(b"\n"));
    assert_eq!(
        sandbox.object_lines("url protect")[..4].join(&b'\n'),
        body[..body.len() - 1]
    );
    let token_of = at::page(page["@nextPage"].as_str().expect("a token"));
    sandbox.always_at(Endpoint::Events, token_of, changes::status(502));
    assert_eq!(
        list(&token, "url protect", &next(&page))
            .send(&sandbox)
            .status,
        502
    );
    sandbox.clear();
    assert_eq!(unpack(&download(&addresses(&page)[0]).body), body);
}
