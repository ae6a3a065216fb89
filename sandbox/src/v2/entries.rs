//! The entries of one page of a list, good and bad.

use std::ops::Range;

use serde_json::{Value, json};

use crate::disorder::BadEntry;
use crate::reply::Reply;
use crate::service::Service;
use crate::switches::CaughtUp;

/// Renders the entries of these places, with the bad ones that the switches ask for.
pub(super) fn of(
    service: &mut Service,
    log_type: &'static str,
    places: Range<usize>,
) -> Vec<String> {
    let bad: Vec<BadEntry> = {
        let all = service.switches.bad_entries.iter();
        let ours = all.filter(|bad| bad.log_type.as_deref().is_none_or(|of| of == log_type));
        ours.cloned().collect()
    };
    let mut entries = Vec::new();
    for (index, place) in places.enumerate() {
        let genuine = entry(service, log_type, place);
        let at = |replaces| {
            bad.iter()
                .filter(move |bad| bad.index == index && bad.replaces == replaces)
        };
        entries.extend(at(false).map(|bad| render(bad, &genuine)));
        let instead = at(true).next();
        let is_hidden = instead.is_some_and(|bad| !bad.has_object());
        service.v2.shelf_mut(log_type).show(place, is_hidden);
        entries.push(instead.map_or_else(|| genuine.to_string(), |bad| render(bad, &genuine)));
    }
    if service.switches.repeat_addresses {
        entries.extend(entries.first().cloned());
    }
    entries
}

fn entry(service: &mut Service, log_type: &'static str, place: usize) -> Value {
    let mut entry = service.issue(log_type, place);
    if service.switches.lists_without_size
        && let Some(fields) = entry.as_object_mut()
    {
        fields.remove("size");
    }
    entry
}

fn render(bad: &BadEntry, genuine: &Value) -> String {
    let url = genuine["url"].as_str().unwrap_or_default();
    bad.raw.replace("{url}", url)
}

/// Writes an answer; the entries go in as they are, also what is no JSON.
pub(super) fn answer(entries: &[String], next: Option<&str>, caught_up: Option<bool>) -> Reply {
    let next = next.map(|next| format!("\"@nextPage\":{},", json!(next)));
    let caught_up = caught_up.map(|caught_up| format!("\"isCaughtUp\":{caught_up},"));
    let text = format!(
        "{{{}{}\"value\":[{}]}}",
        next.unwrap_or_default(),
        caught_up.unwrap_or_default(),
        entries.join(","),
    );
    Reply::text(200, text).unstored()
}

/// An empty page that leads to itself.
pub(super) fn nothing(service: &Service, log_type: &str, token: &str) -> Reply {
    let dead = service.switches.dead_cursors.get(log_type).copied();
    let caught_up = match dead.unwrap_or(service.switches.caught_up) {
        CaughtUp::WhenEmpty | CaughtUp::WithTheLast => Some(true),
        CaughtUp::Never => Some(false),
        CaughtUp::Unsaid => None,
    };
    answer(&[], Some(token), caught_up)
}
