//! Every relative link in the documents leads to a file that exists, and every anchor to a heading.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{BrokenLink, CowStr, Event, Options, Parser, Tag, TagEnd};

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What one page holds.
#[derive(Default)]
struct Page {
    anchors: BTreeSet<String>,
    links: Vec<String>,
    /// Labels of links without a definition.
    undefined: BTreeSet<String>,
}

impl Page {
    fn of(text: &str) -> Self {
        let mut page = Self::default();
        let mut undefined = BTreeSet::new();
        let note = |link: BrokenLink<'_>| -> Option<(CowStr<'_>, CowStr<'_>)> {
            undefined.insert(link.reference.to_string());
            None
        };
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
        let mut heading = None;
        for event in Parser::new_with_broken_link_callback(text, options, Some(note)) {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let text = heading.take().unwrap_or_default();
                    page.add_anchor(&text);
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                _ => {}
            }
        }
        page.undefined = undefined;
        page
    }

    /// The anchor that GitHub and mdbook make of a heading; of equal ones the second gets `-1`.
    fn add_anchor(&mut self, heading: &str) {
        let kept = heading.chars().filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            _ => letter.is_alphanumeric().then_some(letter),
        });
        let anchor: String = kept.flat_map(char::to_lowercase).collect();
        let mut unique = anchor.clone();
        let mut count = 0;
        while !self.anchors.insert(unique) {
            count += 1;
            unique = format!("{anchor}-{count}");
        }
    }
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// The text of a page with what it includes, as mdbook shows it.
fn text_of(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a page");
    let lines = text.lines().map(|line| {
        let named = line
            .strip_prefix("{{#include ")
            .and_then(|rest| rest.strip_suffix("}}"));
        named.map_or_else(|| line.to_owned(), |named| included(path, named))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The part of another file between two marks.
fn included(path: &Path, named: &str) -> String {
    let (file, mark) = named.split_once(':').expect("a file and a mark");
    let file = path.with_file_name(file);
    let text = fs::read_to_string(&file).expect("the included file");
    let begin = format!("<!-- ANCHOR: {mark} -->\n");
    let end = format!("<!-- ANCHOR_END: {mark} -->");
    let part = text
        .split_once(&begin)
        .and_then(|(_, rest)| rest.split_once(&end));
    let (part, _) = part.unwrap_or_else(|| panic!("{} has no part {mark}", file.display()));
    part.to_owned()
}

/// Every Markdown file of the repository, by its path from the top.
fn documents() -> BTreeMap<PathBuf, Page> {
    let mut found = BTreeMap::new();
    let mut folders = vec![top()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                // neither what is built nor what belongs to git
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if name.ends_with(".md") {
                let short = path.strip_prefix(top()).expect("below the top");
                found.insert(short.to_owned(), Page::of(&text_of(&path)));
            }
        }
    }
    found
}

/// What is wrong with the links of all pages.
fn faults(pages: &BTreeMap<PathBuf, Page>, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, page) in pages {
        let mut fault = |link: &str, why: &str| {
            faults.push(format!("{}: {link}: {why}", path.display()));
        };
        for label in &page.undefined {
            fault(label, "no such definition");
        }
        for link in &page.links {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                file => plain(&path.with_file_name(file)),
            };
            if !exists(&target) {
                fault(link, "no such file");
            } else if path.starts_with("docs") && !target.starts_with("docs") {
                fault(link, "leads out of the book");
            } else if !anchor.is_empty()
                && pages
                    .get(&target)
                    .is_none_or(|target| !target.anchors.contains(anchor))
            {
                fault(link, "no such heading");
            }
        }
    }
    faults
}

#[test]
fn every_link_and_every_anchor_leads_somewhere() {
    let pages = documents();
    let links: usize = pages.values().map(|page| page.links.len()).sum();
    assert!(
        pages.len() > 20 && links > 100,
        "{} pages, {links} links",
        pages.len()
    );
    let faults = faults(&pages, |path| top().join(path).exists());
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_broken_link_a_broken_anchor_and_an_undefined_label_are_found() {
    let whole = "# A page\n\n## Exit codes\n\n## Exit codes\n\n### `[run]`: a *thing*\n";
    let linked = "[a](page.md) [b](page.md#exit-codes-1) [c](page.md#run-a-thing) [d](../LICENSE) \
                  [e](gone.md) [f](page.md#gone) [g] [h](https://example.com) [i](#gone) `[j]`";
    let pages = [("docs/page.md", whole), ("docs/linked.md", linked)]
        .map(|(path, text)| (PathBuf::from(path), Page::of(text)));
    let pages = BTreeMap::from(pages);
    let faults = faults(&pages, |path| {
        pages.contains_key(path) || path == Path::new("LICENSE")
    });
    let expected = [
        "docs/linked.md: g: no such definition",
        "docs/linked.md: ../LICENSE: leads out of the book",
        "docs/linked.md: gone.md: no such file",
        "docs/linked.md: page.md#gone: no such heading",
        "docs/linked.md: #gone: no such heading",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn every_page_is_in_the_summary_once() {
    let pages = documents();
    let summary = &pages[Path::new("docs/SUMMARY.md")];
    let mut listed = summary.links.clone();
    listed.sort();
    let pages = pages
        .keys()
        .filter_map(|path| path.strip_prefix("docs").ok());
    let mut there: Vec<String> = pages.map(|path| path.display().to_string()).collect();
    there.retain(|name| name != "SUMMARY.md");
    there.sort();
    assert_eq!(listed, there);
}

#[test]
fn the_readme_is_short_and_shows_both_commands() {
    let readme = include_str!("../README.md");
    assert!(readme.lines().count() <= 200);
    for command in ["cargo run --release --example quickstart", "cargo test "] {
        assert!(
            readme.lines().any(|line| line.starts_with(command)),
            "{command}"
        );
    }
}

#[test]
fn every_setting_has_a_row_in_the_page_of_settings() {
    let page = include_str!("../docs/settings.md");
    let example = include_str!("../config.example.toml");
    for line in example.lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, _)) = line.split_once(" = ") {
            assert!(page.contains(&format!("| `{key}` |")), "{key}");
        } else if !line.is_empty() {
            assert!(page.contains(&format!("## `{line}`")), "{line}");
        }
    }
}

#[test]
fn every_page_that_the_programs_name_exists() {
    let mut folders = vec![
        top().join("src"),
        top().join("examples"),
        top().join("packaging"),
    ];
    let mut named = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).expect("text");
            for rest in text.split("docs/").skip(1) {
                let is_of_a_name =
                    |letter: char| letter.is_alphanumeric() || "-._".contains(letter);
                let name = rest.split_once(".md").map(|(name, _)| name);
                let Some(name) = name.filter(|name| name.chars().all(is_of_a_name)) else {
                    continue;
                };
                let page = format!("docs/{name}.md");
                assert!(top().join(&page).is_file(), "{}: {page}", path.display());
                named += 1;
            }
        }
    }
    assert!(named > 3, "{named}");
}
