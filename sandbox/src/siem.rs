//! The SIEM log queue and its call.

use chrono::Utc;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::batch::Batch;
use crate::bodies;
use crate::reply::Reply;
use crate::service::Service;
use crate::switches::PurgedToken;
use crate::tokens;

/// The archives of the account in order. Cursors hold positions, therefore none is ever removed from the list.
#[derive(Default)]
pub(crate) struct Queue {
    batches: Vec<Queued>,
    purged: usize,
}

struct Queued {
    batch: Batch,
    created_ms: i64,
    answers: usize,
}

impl Queue {
    pub(crate) fn push(&mut self, batch: Batch) {
        self.batches.push(Queued {
            batch,
            created_ms: Utc::now().timestamp_millis(),
            answers: 0,
        });
    }

    /// Drops the `count` oldest batches that are kept.
    pub(crate) fn purge(&mut self, count: usize) {
        self.purged = (self.purged + count).min(self.batches.len());
    }

    /// When that batch was made, as its cursor tells.
    pub(crate) fn created_ms(&self, index: usize) -> Option<i64> {
        self.batches.get(index).map(|queued| queued.created_ms)
    }

    /// Counts an answer with that batch that no client got.
    pub(crate) fn count_answer(&mut self, index: usize) {
        if let Some(queued) = self.batches.get_mut(index) {
            queued.answers += 1;
        }
    }

    /// The batches that a client could have received: all but those purged before any answer held them.
    pub(crate) fn obtainable(&self) -> impl Iterator<Item = &Batch> {
        self.batches
            .iter()
            .enumerate()
            .filter(|(index, queued)| *index >= self.purged || queued.answers > 0)
            .map(|(_, queued)| &queued.batch)
    }
}

/// Answers with the batch after the cursor, or that nothing is waiting.
pub(crate) fn answer(service: &mut Service, body: &Value) -> Result<Reply, String> {
    let ask = Ask::read(body)?;
    let purged = service.queue.purged;
    let next = match ask.token.map(tokens::read_cursor) {
        None => purged,
        Some(Some(index)) if index >= service.queue.batches.len() => {
            return Ok(invalid_token(service.switches.invalid_token_status));
        }
        Some(Some(index)) if index + 1 >= purged => index + 1,
        Some(Some(_)) => match service.switches.siem_purged_before {
            PurgedToken::Jump => purged,
            PurgedToken::Refuse200 => return Ok(invalid_token(200)),
            PurgedToken::Refuse400 => return Ok(invalid_token(400)),
        },
        Some(None) => return Ok(invalid_token(service.switches.invalid_token_status)),
    };
    let Some(queued) = service.queue.batches.get_mut(next) else {
        return Ok(nothing(service, ask.token));
    };
    let turn = if service.switches.replays_differ || queued.batch.always_differs() {
        queued.answers
    } else {
        0
    };
    queued.answers += 1;
    let name = Uuid::new_v4().as_hyphenated().to_string().to_uppercase();
    let mut reply = Reply {
        status: 200,
        headers: Vec::new(),
        body: queued.batch.archive(ask.format, turn),
        wire: crate::Wire::Whole,
    };
    reply.set_header("content-type", "application/octet-stream");
    reply.set_header(
        "content-disposition",
        &format!("attachment; filename=\"{name}.zip\""),
    );
    reply.set_header("mc-siem-token", &tokens::cursor(next, queued.created_ms));
    Ok(reply.unstored())
}

/// The two renderings of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    KeyValue,
    Json,
}

struct Ask<'a> {
    /// `None` also for an empty text, which the service takes for "from the oldest".
    token: Option<&'a str>,
    format: Format,
}

impl<'a> Ask<'a> {
    fn read(body: &'a Value) -> Result<Self, String> {
        let item = bodies::item(
            body,
            &["data"],
            &["type", "token", "fileFormat", "compress"],
        )?;
        let kind = bodies::required(item, "type")?;
        if kind != "MTA" {
            return Err(format!("type is {kind:?} instead of MTA"));
        }
        if item.get("compress") != Some(&Value::Bool(true)) {
            // Without it one call gives one file, and a busy account falls days behind.
            return Err("compress is not true".to_owned());
        }
        let format = match bodies::text(item, "fileFormat")? {
            None => Format::KeyValue,
            Some(name) if name.eq_ignore_ascii_case("key_value") => Format::KeyValue,
            Some(name) if name.eq_ignore_ascii_case("json") => Format::Json,
            Some(other) => return Err(format!("fileFormat is {other:?}")),
        };
        let token = bodies::text(item, "token")?.filter(|token| !token.is_empty());
        Ok(Self { token, format })
    }
}

fn nothing(service: &Service, token: Option<&str>) -> Reply {
    let mut meta = json!({"isLastToken": true, "status": 200});
    if service.switches.end_without_meta {
        meta = json!({"status": 200});
    }
    let mut reply = Reply::envelope(200, &meta, &json!([]), &json!([])).unstored();
    if let (true, Some(token)) = (service.switches.token_on_last, token) {
        reply.set_header("mc-siem-token", token);
    }
    reply
}

fn invalid_token(status: u16) -> Reply {
    Reply::failure(
        status,
        "err_audit_siem_invalid_token",
        "The SIEM token is invalid",
    )
}
