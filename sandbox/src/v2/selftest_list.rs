//! Proof that lists are paged, dated, limited and refused as documented.

use chrono::{TimeDelta, Utc};
use serde_json::json;

use super::by_hand::{addresses, fresh, list, next, recently, since, told, with_objects};
use crate::{CG_TYPES, CI_TYPES, CaughtUp, Endpoint, Object, Sandbox};

#[test]
fn leads_through_the_pages_to_the_end() {
    let log_type = "internal email protect";
    let (sandbox, token) = with_objects(log_type, 5);
    let ask = |query: &str| list(&token, log_type, query).send(&sandbox).json();
    let size = "&pageSize=2";
    let first = ask(&(recently() + size));
    assert_eq!(told(&first), (2, &json!(false)));
    let second = ask(&(next(&first) + size));
    let third = ask(&(recently() + &next(&second) + size));
    assert_eq!(told(&third), (1, &json!(false)));
    let end = ask(&next(&third));
    assert_eq!(told(&end), (0, &json!(true)));
    assert_eq!(end["@nextPage"], ask(&next(&end))["@nextPage"]);
    sandbox.set(|switches| switches.next_page_changes = true);
    let changed = ask(&next(&end));
    assert_ne!(changed["@nextPage"], end["@nextPage"]);

    sandbox.serve_objects(log_type, Object::realistic(5, 2));
    let arrived = ask(&next(&changed));
    assert_eq!(told(&arrived), (1, &json!(false)));
    let names = [first, second, third, arrived].map(|page| addresses(&page));
    let names: Vec<String> = names
        .iter()
        .flatten()
        .map(|url| {
            let (path, _) = url.split_once('?').expect("a signature");
            path.rsplit('/').next().expect("a name").to_owned()
        })
        .collect();
    assert_eq!(names, sandbox.object_names(log_type));
    assert_eq!(sandbox.count(Endpoint::Events), 7);
}

#[test]
fn lists_the_same_place_again_under_fresh_signatures() {
    let (sandbox, token) = with_objects("url protect", 3);
    let ask = || list(&token, "url protect", &recently()).send(&sandbox);
    let (first, again) = (addresses(&ask().json()), addresses(&ask().json()));
    let path = |url: &String| url.split_once('?').expect("a signature").0.to_owned();
    let paths: Vec<String> = first.iter().map(path).collect();
    assert_eq!(paths, again.iter().map(path).collect::<Vec<_>>());
    assert!(paths[0].ends_with("/objects/url-protect/part-000000.json.gz"));
    assert!(first.iter().all(|url| !again.contains(url)));
    assert_eq!(sandbox.signatures().len(), 6);

    let answer = ask();
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("x-ratelimit-limit"), "");
    assert_ne!(answer.header("x-request-id"), "");
    let item = &answer.json()["value"][0];
    let expiry = item["expiry"].as_str().expect("a text");
    assert!(expiry.len() == 24 && expiry.ends_with('Z'), "{expiry}");
    assert!(item["size"].as_u64().is_some_and(|size| size > 100));
}

#[test]
fn ends_in_every_way() {
    let (sandbox, token) = with_objects("av", 3);
    let ask = |query: &str| list(&token, "av", query).send(&sandbox).json();
    sandbox.set(|switches| switches.caught_up = CaughtUp::WithTheLast);
    assert_eq!(
        told(&ask(&(recently() + "&pageSize=2"))),
        (2, &json!(false))
    );
    let last = ask(&(recently() + "&pageSize=3"));
    assert_eq!(told(&last), (3, &json!(true)));
    sandbox.set(|switches| switches.caught_up = CaughtUp::Never);
    assert_eq!(told(&ask(&next(&last))), (0, &json!(false)));
    sandbox.set(|switches| switches.caught_up = CaughtUp::Unsaid);
    assert_eq!(ask(&next(&last)).get("isCaughtUp"), None);
    sandbox.set(|switches| switches.caught_up = CaughtUp::WhenEmpty);
    sandbox.set(|switches| switches.next_page_when_caught_up = false);
    assert_eq!(ask(&next(&last)).get("@nextPage"), None);
    assert_ne!(ask(&recently()).get("@nextPage"), None);

    sandbox.set(|switches| switches.repeat_addresses = true);
    let repeated = addresses(&ask(&(recently() + "&pageSize=3")));
    assert_eq!(repeated.len(), 3);
    assert_eq!(repeated[0], repeated[2]);
}

#[test]
fn keeps_the_types_apart() {
    let sandbox = Sandbox::start();
    for log_type in CG_TYPES.into_iter().chain(CI_TYPES) {
        sandbox.serve_objects(log_type, [Object::realistic(1, 3), Object::realistic(2, 3)]);
    }
    let token = fresh(&sandbox);
    sandbox.set(|switches| switches.forbid_types.extend(["spam"]));
    for log_type in CG_TYPES.into_iter().chain(CI_TYPES) {
        let answer = list(&token, log_type, &recently()).send(&sandbox);
        if log_type == "spam" {
            let code = answer.json()["fail"][0]["code"].clone();
            assert_eq!((answer.status, code), (403, json!("app_forbidden")));
        } else {
            assert_eq!(told(&answer.json()).0, 2, "{log_type}");
        }
    }
    assert_eq!(
        (
            sandbox.count(Endpoint::Events),
            sandbox.count(Endpoint::EventsCi)
        ),
        (10, 3)
    );
    let mut lines = sandbox.all_object_lines();
    assert_eq!(lines.len(), 13 * 6);
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 13 * 6, "every line is another one");
    assert!(sandbox.complaints().is_empty());

    sandbox.allow_complaints();
    let receipts = list(&token, "receipt", &recently()).send(&sandbox).json();
    assert_eq!(
        list(&token, "av", &next(&receipts)).send(&sandbox).status,
        400
    );
    assert_eq!(sandbox.complaints().len(), 1);
}

#[test]
fn knows_seven_days() {
    let sandbox = Sandbox::start();
    let now = Utc::now();
    for days in (0..9).rev() {
        let object = Object::realistic(days as u64, 1).dated(now - TimeDelta::days(days));
        sandbox.serve_objects("journal", object);
    }
    let token = fresh(&sandbox);
    let ask = |query: &str| list(&token, "journal", query).send(&sandbox);
    for days in 0..=7 {
        let listed = addresses(&ask(&since(days)).json()).len() as i64;
        assert_eq!(listed, days + 1);
    }
    let old = ask(&since(8));
    assert_eq!(old.status, 400);
    let code = &old.json()["error"]["code"];
    assert_eq!(code, &json!("Request Validation Failed"));
    let until = (now - TimeDelta::days(2)).date_naive();
    let range = format!("{}&dateRangeEndsAt={until}", since(3));
    assert_eq!(addresses(&ask(&range).json()).len(), 2);
    assert_eq!(
        addresses(&ask("").json()).len(),
        1,
        "of recently, when nothing is said"
    );
    let recent = now - TimeDelta::hours(25);
    assert_eq!(sandbox.object_lines_since("journal", recent).len(), 2);
    assert!(sandbox.complaints().is_empty());
}
