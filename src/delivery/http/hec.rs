//! Splunk's HTTP event collector.
//!
//! Vendor: <https://help.splunk.com/en/splunk-enterprise/get-started/get-data-in/>, "Troubleshoot HTTP Event
//! Collector" for the codes and "About HTTP Event Collector Indexer Acknowledgment". Without acknowledgements, 200
//! means received, and not stored.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Exchange, Post, Reply, is_object, text_of};
use crate::clock::Clock;
use crate::config::destination::{Ack, SplunkHec};
use crate::delivery::batch::{Line, Part};
use crate::delivery::verdict::{Again, Fate, Verdict};
use crate::event_time::event_time;

const EVENTS: &str = "/services/collector/event";
const ACKS: &str = "/services/collector/ack";
/// The time after which events without an acknowledgement are sent again.
const ACK_LIMIT: Duration = Duration::from_secs(5 * 60);
/// The waits between two questions for an acknowledgement, from the first to the longest.
const FIRST_POLL: Duration = Duration::from_millis(100);
const LONGEST_POLL: Duration = Duration::from_secs(10);

/// A sender to an event collector.
pub struct Hec<'a> {
    post: Post,
    settings: &'a SplunkHec,
    host: String,
    clock: Clock,
    /// Acknowledgements belong to a channel. Each run has its own.
    channel: String,
}

#[derive(Serialize)]
struct Event<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<f64>,
    host: &'a str,
    source: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    sourcetype: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    index: &'a str,
    event: Content<'a>,
    fields: Fields<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Object(&'a RawValue),
    Text(&'a str),
}

#[derive(Serialize)]
struct Fields<'a> {
    event_id: &'a str,
    log_type: &'a str,
}

/// The answer to events.
#[derive(Deserialize)]
struct Answer {
    code: Option<i64>,
    #[serde(default)]
    text: String,
    #[serde(rename = "ackId")]
    ack: Option<u64>,
    /// The place of the first event that is not accepted. Events before it may be indexed.
    #[serde(rename = "invalid-event-number")]
    bad: Option<usize>,
}

/// The answer to a question for acknowledgements.
#[derive(Deserialize)]
struct Acks {
    acks: BTreeMap<String, bool>,
}

impl<'a> Hec<'a> {
    pub fn new(post: Post, settings: &'a SplunkHec, (host, clock): (&str, &Clock)) -> Self {
        Self {
            post,
            settings,
            host: host.to_owned(),
            clock: clock.clone(),
            channel: Uuid::new_v4().to_string(),
        }
    }

    fn append(&self, part: Part<'_>, text: &[u8], line: &Line, body: &mut Vec<u8>) {
        let (id, log_type, content) = (part.id(line), part.log_type(line), text_of(text));
        let object = is_object(text).then(|| serde_json::from_str::<&RawValue>(&content).ok());
        let event = Event {
            time: event_time(text).map(|time| time.timestamp_millis() as f64 / 1_000.0),
            host: &self.host,
            source: part.file(line),
            sourcetype: self.settings.sourcetype.of(part.folder()),
            index: self.settings.index.of(part.folder()),
            event: match object.flatten() {
                Some(object) => Content::Object(object),
                None => Content::Text(&content),
            },
            fields: Fields {
                event_id: &id,
                log_type,
            },
        };
        serde_json::to_writer(&mut *body, &event).expect("an event has only string keys");
        body.push(b'\n');
    }

    fn headers(&self) -> [(&'static str, &str); 2] {
        [
            ("content-type", "application/json"),
            ("x-splunk-request-channel", &self.channel),
        ]
    }

    /// Waits until Splunk has indexed what it received.
    fn wait_for(&self, ack: u64) -> Result<Verdict, Verdict> {
        let question = format!("{{\"acks\":[{ack}]}}");
        let (begun, mut wait) = (self.clock.elapsed(), FIRST_POLL);
        loop {
            let reply = self.post.send(ACKS, &self.headers(), question.as_bytes());
            if let Ok(reply) = reply
                && let Ok(Acks { acks }) = serde_json::from_str(&reply.text)
                && acks.get(&ack.to_string()) == Some(&true)
            {
                return Ok(Verdict::Delivered);
            }
            if self.clock.elapsed().saturating_sub(begun) + wait > ACK_LIMIT {
                let minutes = ACK_LIMIT.as_secs() / 60;
                let why = format!("no acknowledgement within {minutes} minutes");
                return Err(Verdict::Unknown(why));
            }
            let slept = self.clock.sleep(wait);
            slept.map_err(|stopped| Verdict::Unknown(stopped.to_string()))?;
            wait = (wait * 2).min(LONGEST_POLL);
        }
    }
}

/// True for a code that refuses single events.
const fn is_of_event(code: i64) -> bool {
    matches!(code, 5 | 6 | 12 | 13 | 15)
}

/// Returns the fates of all events if one of them is not accepted. The pages do not say what happens to those before
/// it.
fn of_bad_event(bad: usize, count: usize, why: &str) -> Verdict {
    let fates = (0..count).map(|place| match place.cmp(&bad) {
        Ordering::Less => Fate::Again(Again::Unknown(why.to_owned())),
        Ordering::Equal => Fate::Refused(why.to_owned()),
        Ordering::Greater => Fate::Again(Again::Later(why.to_owned())),
    });
    Verdict::Each(fates.collect())
}

fn told(answer: &Answer) -> String {
    let letters = answer.text.chars().filter(|letter| !letter.is_control());
    let text: String = letters.collect();
    format!(
        "it answered with code {}: {text}",
        answer.code.unwrap_or_default()
    )
}

/// Returns the meaning of one of Splunk's codes.
fn of_code(answer: &Answer, reply: &Reply) -> Verdict {
    let (code, told) = (answer.code.unwrap_or_default(), told(answer));
    let of_token =
        "correct token under this destination in credentials.toml, and enable it in Splunk";
    match code {
        1..=4 => Verdict::denied(told, of_token),
        code if is_of_event(code) => Verdict::Refused(told),
        7 => Verdict::denied(
            told,
            "correct index in [[destination]], or the indexes of the token",
        ),
        8 => Verdict::Unknown(told),
        9 | 18..=20 | 26 | 27 => Verdict::SlowDown(reply.retry_after(), told),
        10 | 11 | 14 | 16 => Verdict::misconfigured(
            told,
            "correct ack in [[destination]], or the token in Splunk",
        ),
        _ => reply.usual().unwrap_or(Verdict::NotUnderstood(told)),
    }
}

impl Exchange for Hec<'_> {
    fn exchange(&self, part: Part<'_>) -> Result<Verdict, Verdict> {
        let mut body = Vec::with_capacity(part.bytes() + 200 * part.len());
        for (text, line) in part.iter() {
            self.append(part, text, line, &mut body);
        }
        let headers = self.headers();
        let reply = self.post.send(EVENTS, &headers, &body)?;
        let answer = serde_json::from_str::<Answer>(&reply.text).ok();
        let Some(answer) = answer.filter(|answer| answer.code.is_some()) else {
            let odd = || Verdict::NotUnderstood("the answer is not one of Splunk's".to_owned());
            return Ok(reply.usual().unwrap_or_else(odd));
        };
        match (answer.code, answer.ack, self.settings.ack) {
            (Some(0), Some(ack), Ack::Auto | Ack::Always) => self.wait_for(ack),
            (Some(0), None, Ack::Always) => Ok(Verdict::misconfigured(
                "the token does not acknowledge what is indexed",
                "switch on indexer acknowledgement for the token, or set ack = \"auto\" in [[destination]]",
            )),
            (Some(0), ..) => Ok(Verdict::Delivered),
            (Some(code), ..) if part.len() > 1 => Ok(match answer.bad {
                Some(bad) if bad < part.len() && is_of_event(code) => {
                    of_bad_event(bad, part.len(), &told(&answer))
                }
                _ => of_code(&answer, &reply),
            }),
            _ => Ok(of_code(&answer, &reply)),
        }
    }
}
