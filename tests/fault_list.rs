//! `docs/FAULTS.md` is a list of promises: it names tests that exist, and forgets none of the faults.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../docs/FAULTS.md");

/// A test: the path of its module, and its name.
type Test = (Vec<String>, String);

/// What stands between backticks and is the path of a function.
fn named() -> BTreeSet<Test> {
    let quoted = PAGE.split('`').skip(1).step_by(2);
    let paths = quoted.filter(|text| text.contains("::"));
    paths
        .map(|path| {
            let mut modules: Vec<String> = path.split("::").map(str::to_owned).collect();
            let name = modules.pop().expect("a path has a last part");
            (modules, name)
        })
        .collect()
}

/// All functions of a tree of sources. Those of a file's inner module `tests` count as of the file and as
/// of that module.
fn functions(folder: &Path, modules: &[String], found: &mut BTreeSet<Test>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let mut inner = modules.to_vec();
        let stem = path.file_stem().expect("a name").to_string_lossy();
        if stem != "mod" {
            inner.push(stem.into_owned());
        }
        if path.is_dir() {
            functions(&path, &inner, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = fs::read_to_string(&path).expect("text");
            for name in tests_in(&text) {
                found.insert((inner.clone(), name.clone()));
                found.insert(([&inner[..], &["tests".to_owned()]].concat(), name));
            }
        }
    }
}

/// Functions with `#[test]` among the attributes before them.
fn tests_in(text: &str) -> Vec<String> {
    let mut is_test = false;
    let mut names = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[test]") {
            is_test = true;
        } else if let Some((name, _)) = line
            .strip_prefix("fn ")
            .and_then(|rest| rest.split_once('('))
        {
            names.extend(is_test.then(|| name.to_owned()));
            is_test = false;
        } else if line.is_empty() {
            is_test = false;
        }
    }
    names
}

fn tree(folder: &str) -> BTreeSet<Test> {
    let mut found = BTreeSet::new();
    let top = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    functions(&top, &[], &mut found);
    found
}

#[test]
fn every_test_that_the_page_names_exists_where_it_says() {
    let mut all = tree("src");
    all.extend(tree("tests"));
    let named = named();
    assert!(named.len() > 100, "{} tests", named.len());
    let unknown: Vec<&Test> = named.difference(&all).collect();
    assert!(unknown.is_empty(), "not there: {unknown:#?}");
}

#[test]
fn every_test_of_a_fault_stands_on_the_page() {
    let named = named();
    let top = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests");
    let folders = [
        "faults",
        "setup/faults.rs",
        "pruning.rs",
        "secrets.rs",
        "damage.rs",
    ];
    let mut missing = Vec::new();
    for (modules, name) in tree("tests") {
        let file = modules.join("/");
        let is_of_faults = folders
            .iter()
            .any(|folder| file.starts_with(folder.trim_end_matches(".rs")));
        let path = top.join(&file).with_extension("rs");
        let text = fs::read_to_string(path).unwrap_or_default();
        let is_test = text.contains(&format!("#[test]\nfn {name}("));
        if is_of_faults && is_test && !named.contains(&(modules.clone(), name.clone())) {
            missing.push(format!("{}::{name}", modules.join("::")));
        }
    }
    assert!(missing.is_empty(), "not on the page: {missing:#?}");
}

#[test]
fn every_row_has_an_id_of_its_own_and_a_test_or_the_reason_why_not() {
    let rows = PAGE.lines().filter(|line| line.starts_with("| "));
    let rows = rows.filter(|line| !line.starts_with("| id "));
    let mut ids = BTreeSet::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [id, fault, promised, tests] = cells[..] else {
            panic!("four cells: {row}");
        };
        assert!(ids.insert(id), "twice: {id}");
        assert!(!fault.is_empty() && !promised.is_empty(), "{row}");
        let says_why = tests
            .strip_prefix("not run")
            .is_some_and(|why| why.len() > 30);
        assert!(tests.contains("::") || says_why, "{row}");
    }
    assert!(ids.len() > 80, "{} rows", ids.len());
}
