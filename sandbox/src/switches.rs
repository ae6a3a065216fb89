//! What a test can set about the sandbox's behaviour.

use std::collections::{BTreeMap, BTreeSet};

use crate::disorder::{AuditMiss, BadEntry, EmptyPages, TotalCount};
use crate::endpoint::Endpoint;

/// The settings; the default is the strictest reading of what is known about the service.
#[derive(Clone, Debug)]
pub struct Switches {
    /// The server's clock minus ours. Moves `Date`, the skew check and the 60-day rule.
    pub clock_offset_seconds: i64,
    /// How far `x-mc-date` may be from the server's clock. No limit of the service is known; 15 minutes is what
    /// everyone assumes.
    pub skew_limit_seconds: u64,
    /// Whether an archive or object that is asked for again comes with its lines in another order, so that a client
    /// which takes it twice cannot hide that behind equal contents. Nobody promises the same bytes.
    pub replays_differ: bool,
    /// The access key has expired: 418 on signed calls, until a successful log-in renews it.
    pub revoked: bool,
    /// Calls that the account has no permission for: 403.
    pub forbid: BTreeSet<Endpoint>,
    /// Whether the answer "nothing waiting" repeats `mc-siem-token`. The sources disagree.
    pub token_on_last: bool,
    /// Whether the last audit page that holds events still has a `next`, which leads to one empty page. The sources
    /// disagree.
    pub next_on_last_page: bool,
    /// Calls of API 1.0 allowed in a window of milliseconds, over all endpoints. `None` states the recorded 800 in 5000 ms in the
    /// headers but never refuses, so that a fast test does not depend on its own speed.
    pub rate_limit: Option<(u32, u64)>,
    /// How a cursor is answered when batches after it are gone.
    pub siem_purged_before: PurgedToken,
    /// HTTP status of `err_audit_siem_invalid_token` for a cursor that was not minted here: 200 or 400, unknown which.
    pub invalid_token_status: u16,
    /// Whether "nothing waiting" comes without `meta.isLastToken`.
    pub end_without_meta: bool,
    /// `duration` in the log-in's answer.
    pub binding_duration_ms: u64,
    /// The log-in types that the user may use, as discovery lists them.
    pub authenticate: Vec<String>,
    /// What discovery says instead of the sandbox's own address, for hostile answers.
    pub region_api: Option<String>,
    /// API 2.0: the client's credentials are refused, as after a new secret in the console. Tokens stay valid.
    pub wrong_client_secret: bool,
    /// How they are refused. The sources disagree.
    pub token_refusal: TokenRefusal,
    /// `expires_in` of a token's answer; `None` leaves it out.
    pub token_expires_in: Option<i64>,
    /// How long the server takes a token, whatever it said.
    pub token_life_ms: u64,
    /// How many calls a token is good for; `None` is no limit.
    pub token_uses: Option<u32>,
    /// Types that product or role do not allow: 403. Whole calls are in `forbid`.
    pub forbid_types: BTreeSet<&'static str>,
    /// List calls allowed in a window of milliseconds; see [`LIST_LIMIT`](crate::LIST_LIMIT). `None` never refuses, so
    /// that a test may list as often as it likes.
    pub list_limit: Option<(u32, u64)>,
    /// When a list says that the client has caught up.
    pub caught_up: CaughtUp,
    /// Whether an answer that says so has a `nextPage`. Once reported absent.
    pub next_page_when_caught_up: bool,
    /// Whether the `nextPage` of an empty page is another text each time, for the same place.
    pub next_page_changes: bool,
    /// How a `nextPage` is answered when objects after it are gone. Unknown.
    pub stale_next_page: StalePage,
    /// Whether each page repeats its first address at its end, as reported.
    pub repeat_addresses: bool,
    /// How long a presigned address is good for.
    pub address_life_ms: u64,
    /// How many downloads it is good for; `None` is no limit.
    pub address_uses: Option<u32>,
    /// `Content-Type` of an object: `application/gzip` or `binary/octet-stream`, both were seen.
    pub object_content_type: String,
    /// How many objects of the page before each page repeats at its beginning.
    pub page_overlap: usize,
    /// Entries that are not as documented, in every page of their type.
    pub bad_entries: Vec<BadEntry>,
    /// Whether the entries of a list come without `size`.
    pub lists_without_size: bool,
    /// Types whose lists hand out a token that yields nothing for ever, and what such a page says of its end. Seen on a
    /// sister endpoint.
    pub dead_cursors: BTreeMap<&'static str, CaughtUp>,
    /// Types whose next list is empty, whatever there is; the one after it is full again under the same token.
    pub empty_once: BTreeSet<&'static str>,
    /// What an audit page says of the number of items.
    pub total_count: TotalCount,
    /// Reads that miss items, one for each window that begins and is long enough; taken from the front.
    pub audit_misses: Vec<AuditMiss>,
    /// Pages without items in every window.
    pub empty_audit_pages: Vec<EmptyPages>,
    /// The most items of an audit page, whatever was asked for.
    pub audit_page_items: Option<usize>,
    /// Whether every second audit answer writes its items with the members in another order and with blanks. Items that
    /// are no JSON stay as they are.
    pub audit_forms_differ: bool,
}

/// How a client's credentials are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// 401 with a flat `fail`.
    Flat,
    /// 401 with the envelope of the functions.
    Nested,
    /// 400 without a body.
    Empty,
}

/// When a list says that the client has caught up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaughtUp {
    /// On a page without objects.
    WhenEmpty,
    /// Already on the page with the last objects.
    WithTheLast,
    /// Never, although the page is empty.
    Never,
    /// `isCaughtUp` is left out.
    Unsaid,
}

/// How a `nextPage` is answered when objects after it are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StalePage {
    /// 400, as for a text that was never given out.
    Refuse,
    /// Silently goes on with the oldest object that is kept.
    Jump,
}

/// How a cursor is answered when batches after it are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PurgedToken {
    /// Silently goes on with the oldest batch that is kept, as recordings suggest.
    Jump,
    /// `err_audit_siem_invalid_token` inside HTTP 200.
    Refuse200,
    /// The same with HTTP 400.
    Refuse400,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            clock_offset_seconds: 0,
            skew_limit_seconds: 900,
            replays_differ: false,
            revoked: false,
            forbid: BTreeSet::new(),
            token_on_last: false,
            next_on_last_page: false,
            rate_limit: None,
            siem_purged_before: PurgedToken::Jump,
            invalid_token_status: 200,
            end_without_meta: false,
            // Three days: the vendor's default life of a binding.
            binding_duration_ms: 259_200_000,
            authenticate: vec!["Basic-Cloud".to_owned(), "Basic-AD".to_owned()],
            region_api: None,
            wrong_client_secret: false,
            token_refusal: TokenRefusal::Flat,
            // As in three independent samples.
            token_expires_in: Some(1799),
            token_life_ms: 1_799_000,
            token_uses: None,
            forbid_types: BTreeSet::new(),
            list_limit: None,
            caught_up: CaughtUp::WhenEmpty,
            next_page_when_caught_up: true,
            next_page_changes: false,
            stale_next_page: StalePage::Refuse,
            repeat_addresses: false,
            // A quarter of an hour: a guess that a laboratory tool makes, too.
            address_life_ms: 900_000,
            address_uses: None,
            object_content_type: "application/gzip".to_owned(),
            page_overlap: 0,
            bad_entries: Vec::new(),
            lists_without_size: false,
            dead_cursors: BTreeMap::new(),
            empty_once: BTreeSet::new(),
            total_count: TotalCount::Absent,
            audit_misses: Vec::new(),
            empty_audit_pages: Vec::new(),
            audit_page_items: None,
            audit_forms_differ: false,
        }
    }
}
