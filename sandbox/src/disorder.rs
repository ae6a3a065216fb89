//! Settings for disorder in lists and pages: one bad item among good ones, counts that do not fit, reads that miss some.

/// An entry of a list that is not as documented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEntry {
    /// The type whose lists have it; `None` is every type.
    pub(crate) log_type: Option<String>,
    /// The place in each page, counted from 0. A page that ends before it stays good.
    pub(crate) index: usize,
    /// JSON text, or something that should have been. `{url}` stands for the genuine address.
    pub(crate) raw: String,
    pub(crate) replaces: bool,
}

impl BadEntry {
    /// Entries that name no object, with a label: for tables of tests.
    pub const WITHOUT_OBJECT: [(&str, &str); 11] = [
        (
            "no url",
            r#"{"expiry":"2026-11-20T00:00:00.000Z","size":10}"#,
        ),
        ("an empty object", "{}"),
        ("a url that is a number", r#"{"url":17,"size":10}"#),
        ("a url that is null", r#"{"url":null,"size":10}"#),
        ("an empty url", r#"{"url":"","size":10}"#),
        ("null", "null"),
        ("a string", r#""part-000000.json.gz""#),
        ("a list", "[1]"),
        (
            "a private address",
            r#"{"url":"https://192.168.0.1/objects/receipt/part-x.json.gz","size":10}"#,
        ),
        (
            "another scheme",
            r#"{"url":"ftp://store.example.com/x.json.gz","size":10}"#,
        ),
        (
            "a raw control character",
            "{\"url\":\"http://store.example.com/a\u{1}b.json.gz\",\"size\":10}",
        ),
    ];

    /// Entries with a good address and something odd beside it.
    pub const WITH_OBJECT: [(&str, &str); 6] = [
        ("a size that is a text", r#"{"url":"{url}","size":"many"}"#),
        ("a negative size", r#"{"url":"{url}","size":-1}"#),
        ("a size that is null", r#"{"url":"{url}","size":null}"#),
        (
            "an expiry that is a number",
            r#"{"url":"{url}","expiry":5,"size":10}"#,
        ),
        (
            "an unknown member",
            r#"{"url":"{url}","size":10,"more":{"a":[null]}}"#,
        ),
        ("the address alone", r#"{"url":"{url}"}"#),
    ];

    /// The entry at that place is replaced. An object that is hidden by it leaves the ledger, until a list shows it.
    pub fn replacing(index: usize, raw: &str) -> Self {
        Self {
            log_type: None,
            index,
            raw: raw.to_owned(),
            replaces: true,
        }
    }

    /// One more entry before that place.
    pub fn before(index: usize, raw: &str) -> Self {
        Self {
            replaces: false,
            ..Self::replacing(index, raw)
        }
    }

    /// Only in lists of that type.
    pub fn of_type(mut self, log_type: &str) -> Self {
        self.log_type = Some(log_type.to_owned());
        self
    }

    /// True if a good object is behind the entry all the same.
    pub(crate) fn has_object(&self) -> bool {
        self.raw.contains("{url}")
    }
}

/// What an audit page says in `meta.pagination.totalCount`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TotalCount {
    /// Nothing, as recorded.
    #[default]
    Absent,
    /// The number of items of the window.
    Exact,
    /// That number and so many more, or fewer; never below 0.
    Off(i64),
}

impl TotalCount {
    /// Returns the number to state for a window of `items`.
    pub(crate) fn of(self, items: usize) -> Option<u64> {
        let items = items as u64;
        match self {
            Self::Absent => None,
            Self::Exact => Some(items),
            Self::Off(more) => Some(items.saturating_add_signed(more)),
        }
    }
}

/// One read of an audit window, over all its pages, that misses some items. `totalCount` counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditMiss {
    /// The place of the first missing item, newest first. A window that ends before it is read whole.
    pub at: usize,
    /// How many are missing.
    pub events: usize,
}

/// Pages without items that stand between two others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmptyPages {
    /// They follow the page of that number, counted from 1; 0 puts them before the first, and the number of the last
    /// page behind it.
    pub after: usize,
    /// How many there are.
    pub pages: usize,
}
