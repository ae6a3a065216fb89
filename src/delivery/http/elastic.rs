//! The bulk call of Elasticsearch and OpenSearch.
//!
//! Vendor: <https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk> and
//! <https://docs.opensearch.org/latest/api-reference/document-apis/bulk/>. Each document is created under an id of
//! its own, so that one that is sent again is refused with 409. An index stores the same id again after its
//! rollover.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::{Exchange, Post, text_of};
use crate::config::destination::Elastic as Settings;
use crate::delivery::batch::{Line, Part};
use crate::delivery::verdict::{Again, Fate, Verdict};
use crate::event_time::event_time;

/// The longest reason in a message, in characters.
const REASON_LIMIT: usize = 200;

/// A sender to a cluster.
pub struct Elastic<'a> {
    post: Post,
    settings: &'a Settings,
}

#[derive(Serialize)]
struct Action<'a> {
    create: Target<'a>,
}

#[derive(Serialize)]
struct Target<'a> {
    _index: &'a str,
    _id: &'a str,
}

/// A document with the field names of the Elastic Common Schema.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: String,
    message: &'a str,
    event: About<'a>,
    log: Log<'a>,
}

#[derive(Serialize)]
struct About<'a> {
    id: &'a str,
    dataset: &'a str,
    module: &'a str,
}

#[derive(Serialize)]
struct Log<'a> {
    file: File<'a>,
}

#[derive(Serialize)]
struct File<'a> {
    path: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    create: Created,
}

#[derive(Deserialize)]
struct Created {
    status: u16,
    error: Option<serde_json::Value>,
}

impl<'a> Elastic<'a> {
    pub const fn new(post: Post, settings: &'a Settings) -> Self {
        Self { post, settings }
    }

    fn append(&self, part: Part<'_>, text: &[u8], line: &Line, body: &mut Vec<u8>) {
        let (id, log_type, message) = (part.id(line), part.log_type(line), text_of(text));
        let time = event_time(text).unwrap_or_else(|| committed_at(part, line));
        let dataset = format!("mimecast.{log_type}");
        let action = Action {
            create: Target {
                _index: self.settings.index.of(part.folder()),
                _id: &id,
            },
        };
        let document = Document {
            timestamp: time.to_rfc3339_opts(SecondsFormat::Millis, true),
            message: &message,
            event: About {
                id: &id,
                dataset: &dataset,
                module: "mimecast",
            },
            log: Log {
                file: File {
                    path: part.file(line),
                },
            },
        };
        serde_json::to_writer(&mut *body, &action).expect("it has only string keys");
        body.push(b'\n');
        serde_json::to_writer(&mut *body, &document).expect("it has only string keys");
        body.push(b'\n');
    }
}

/// Returns the time at which a line was committed.
fn committed_at(part: Part<'_>, line: &Line) -> DateTime<Utc> {
    let millis = i64::try_from(part.number(line)).ok();
    millis
        .and_then(DateTime::from_timestamp_millis)
        .unwrap_or_default()
}

/// Returns the meaning of the results of single documents.
fn of_items(items: Vec<Item>) -> Verdict {
    let mut fates = Vec::with_capacity(items.len());
    for Item { create } in items {
        let why = create.error.as_ref().map_or_else(String::new, reason);
        let told = format!("status {}: {why}", create.status);
        fates.push(match create.status {
            200..300 | 409 => Fate::Delivered,
            401 | 403 => {
                return Verdict::denied(told, "correct the rights of the key at the cluster");
            }
            404 => {
                return Verdict::denied(
                    told,
                    "make the index, or correct index in [[destination]]",
                );
            }
            408 | 429 | 500..600 => Fate::Again(Again::Later(told)),
            _ => Fate::Refused(told),
        });
    }
    Verdict::Each(fates)
}

/// Returns type and reason of an error, without what they may repeat of the document.
fn reason(error: &serde_json::Value) -> String {
    let text = |member: &str| error.get(member).and_then(serde_json::Value::as_str);
    let whole = match (text("type"), text("reason")) {
        (Some(kind), Some(reason)) => format!("{kind}: {reason}"),
        (kind, reason) => kind.or(reason).unwrap_or_default().to_owned(),
    };
    let letters = whole.chars().filter(|letter| !letter.is_control());
    letters.take(REASON_LIMIT).collect()
}

impl Exchange for Elastic<'_> {
    fn exchange(&self, part: Part<'_>) -> Result<Verdict, Verdict> {
        let mut body = Vec::with_capacity(part.bytes() + 300 * part.len());
        for (text, line) in part.iter() {
            self.append(part, text, line, &mut body);
        }
        let headers = [("content-type", "application/x-ndjson")];
        let reply = self.post.send("/_bulk", &headers, &body)?;
        if let Some(verdict) = reply.usual() {
            return Ok(verdict);
        }
        let answer = serde_json::from_str::<Answer>(&reply.text);
        match answer {
            Ok(answer) if answer.items.len() == part.len() => Ok(of_items(answer.items)),
            _ => Ok(Verdict::NotUnderstood(
                "the answer does not tell the result of each document".to_owned(),
            )),
        }
    }

    fn knows_repetitions(&self) -> bool {
        true
    }
}
