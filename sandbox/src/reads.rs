//! How one audit window is read, page by page, with the disorder that the switches ask for.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::disorder::AuditMiss;
use crate::switches::Switches;

/// Returns what a read that begins now misses; each wish is granted once, to a window that is long enough.
pub(crate) fn begin(wishes: &mut Vec<AuditMiss>, items: usize) -> Option<AuditMiss> {
    let fits = wishes.first().is_some_and(|miss| miss.at < items);
    fits.then(|| wishes.remove(0))
}

/// Returns the items without the missing ones.
pub(crate) fn without(mut items: Vec<&str>, missing: Option<AuditMiss>) -> Vec<&str> {
    if let Some(miss) = missing {
        let from = miss.at.min(items.len());
        let to = (miss.at + miss.events).min(items.len());
        items.drain(from..to);
    }
    items
}

/// Returns the number of empty pages after the page of that number.
pub(crate) fn empty_pages(switches: &Switches, after: usize) -> usize {
    let all = switches.empty_audit_pages.iter();
    all.filter(|empty| empty.after == after)
        .map(|empty| empty.pages)
        .sum()
}

/// Writes a page.
pub(crate) fn render(
    items: &[&str],
    offset: usize,
    next: Option<String>,
    total: Option<u64>,
    differs: bool,
) -> String {
    let mut pagination = format!("\"pageSize\":{}", items.len());
    if let Some(next) = next {
        write!(pagination, ",\"next\":\"{next}\"").expect("a string takes any text");
    }
    if let Some(total) = total {
        write!(pagination, ",\"totalCount\":{total}").expect("a string takes any text");
    }
    if !items.is_empty() {
        let start = offset + 1;
        write!(pagination, ",\"recordStart\":{start}").expect("a string takes any text");
    }
    let data = if differs {
        let items: Vec<String> = items.iter().map(|item| rearranged(item)).collect();
        items.join(" , ")
    } else {
        items.join(",")
    };
    format!(
        r#"{{"meta":{{"status":200,"pagination":{{{pagination}}}}},"data":[{data}],"fail":[]}}"#
    )
}

/// Returns the same item with its members in the order of their names, backwards, and with blanks between them. What is
/// no JSON object stays as it is.
pub(crate) fn rearranged(item: &str) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_str(item) else {
        return item.to_owned();
    };
    let fields = fields.iter().rev();
    let fields: Vec<String> = fields
        .map(|(name, value)| format!("{} :\t{value}", json!(name)))
        .collect();
    format!("{{ {}\n}}", fields.join(" , "))
}
