//! The order of the modules: each imports only from those that the table lists, and none of these leads back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each module of the library with all that it may import, from the top down.
const LAYERS: &[(&str, &str)] = &[
    (
        "commands",
        "run siem windowed collect monitor delivery history report failure api spool credentials config pickle durable event_time clock logs",
    ),
    ("run", "report failure config durable clock"),
    (
        "siem",
        "collect failure api spool config archive event_time json clock logs",
    ),
    (
        "windowed",
        "collect failure api spool config event_time json clock logs",
    ),
    (
        "collect",
        "report failure api spool config durable event_time clock logs",
    ),
    (
        "monitor",
        "delivery history spool credentials config durable logs",
    ),
    (
        "delivery",
        "report failure api spool credentials config durable event_time clock logs",
    ),
    ("history", "report failure durable logs"),
    ("report", "failure spool"),
    ("failure", "api spool config clock"),
    ("api", "credentials config json durable clock logs"),
    ("spool", "durable logs"),
    ("credentials", "config durable"),
    ("config", "durable permissions logs"),
    ("archive", ""),
    ("event_time", ""),
    ("json", ""),
    ("pickle", ""),
    ("durable", "permissions"),
    ("permissions", ""),
    ("clock", ""),
    ("logs", ""),
];

/// Entrances for fuzzing, which reach into all modules.
const APART: [&str; 3] = ["lib", "fuzzing", "bin"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => sources(&path, found),
            false => found.push(path),
        }
    }
}

/// Returns what each module imports. Tests may import what they like.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&top, &mut files);
    let mut imports = BTreeMap::<String, BTreeSet<String>>::new();
    for file in files {
        let place = file
            .strip_prefix(&top)
            .expect("a source")
            .with_extension("");
        let parts: Vec<_> = place.iter().map(|part| part.to_string_lossy()).collect();
        if APART.contains(&&*parts[0]) || parts.iter().any(|part| part == "tests") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("text");
        let text = text.split("#[cfg(test)]\nmod tests {").next();
        let own = imports.entry(parts[0].to_string()).or_default();
        own.extend(imported(text.unwrap_or_default()));
        own.remove(&*parts[0]);
    }
    imports
}

/// Returns the modules that a source names after `crate::`.
fn imported(text: &str) -> BTreeSet<String> {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code: Vec<&str> = code.collect();
    let code = code.join("\n");
    let mut found = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let list = match after.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default(),
            None => after
                .split(|letter: char| !is_of_name(letter))
                .next()
                .unwrap_or_default(),
        };
        let names = list
            .split(',')
            .map(|item| item.trim().split("::").next().unwrap_or_default());
        found.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
    }
    found
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

#[test]
fn a_module_imports_only_what_its_layer_may() {
    for (module, found) in imports() {
        let row = LAYERS.iter().find(|(name, _)| *name == module);
        let (_, allowed) = row.unwrap_or_else(|| panic!("{module} has no row in the table"));
        let allowed: BTreeSet<&str> = allowed.split_whitespace().collect();
        let other: Vec<_> = found
            .iter()
            .filter(|name| !allowed.contains(&***name))
            .collect();
        assert!(other.is_empty(), "{module} imports {other:?}");
    }
}

#[test]
fn no_layer_imports_one_above_it() {
    for (at, (module, allowed)) in LAYERS.iter().enumerate() {
        for name in allowed.split_whitespace() {
            let below = LAYERS[at + 1..].iter().any(|(other, _)| *other == name);
            assert!(below, "{module} may import {name}, which is not below it");
        }
    }
}
