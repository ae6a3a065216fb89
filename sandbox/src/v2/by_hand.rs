//! A client of API 2.0 for the self tests: raw HTTP, and room to spoil every part of a request.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};

use super::form::Pairs;
use super::store::slug;
use super::{Client, cursor, known};
use crate::by_hand::Answer;
use crate::{Account, Endpoint, Object, Sandbox, dates};

/// A request to be.
pub(super) struct Ask {
    pub(super) method: &'static str,
    pub(super) target: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Ask {
    fn new(endpoint: Endpoint) -> Self {
        Self {
            method: endpoint.method(),
            target: endpoint.path().to_owned(),
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(header, _)| *header != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn send(&self, sandbox: &Sandbox) -> Answer {
        self.send_to(&sandbox.url())
    }

    /// Sends to `http://host:port`.
    pub(super) fn send_to(&self, url: &str) -> Answer {
        let host = url.strip_prefix("http://").expect("an http address");
        let mut stream = TcpStream::connect(host).expect("someone listens");
        let pause = Some(Duration::from_secs(10));
        stream.set_read_timeout(pause).expect("set");
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {host}\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let length = self.body.len();
        let request = format!("{head}Content-Length: {length}\r\n\r\n{}", self.body);
        stream.write_all(request.as_bytes()).expect("sent");
        Answer::read(&stream)
    }
}

/// Asks for a token with this form.
pub(super) fn token(form: &str) -> Ask {
    Ask {
        body: form.to_owned(),
        ..Ask::new(Endpoint::Token)
    }
    .with("Content-Type", "application/x-www-form-urlencoded")
}

/// The right form.
pub(super) fn form() -> String {
    let client = Client::SYNTHETIC;
    format!(
        "client_id={}&client_secret={}&grant_type=client_credentials",
        client.client_id,
        client.encoded_secret()
    )
}

/// A fresh token.
pub(super) fn fresh(sandbox: &Sandbox) -> String {
    let answer = token(&form()).send(sandbox).json();
    answer["access_token"].as_str().expect("a token").to_owned()
}

/// Lists a type with this token; `query` is what follows the type.
pub(super) fn list(token: &str, log_type: &str, query: &str) -> Ask {
    let endpoint = if super::CI_TYPES.contains(&log_type) {
        Endpoint::EventsCi
    } else {
        Endpoint::Events
    };
    let target = format!(
        "{}?type={}{query}",
        endpoint.path(),
        log_type.replace(' ', "%20")
    );
    Ask {
        target,
        ..Ask::new(endpoint)
    }
    .with("Authorization", &format!("Bearer {token}"))
}

/// A range that begins yesterday: midnight may pass during a test.
pub(super) fn recently() -> String {
    since(1)
}

/// A range that begins some days ago.
pub(super) fn since(days: i64) -> String {
    let day = (Utc::now() - TimeDelta::days(days)).date_naive();
    format!("&dateRangeStartsAt={day}")
}

/// The place that an answer gives, ready for a query.
pub(super) fn next(answer: &Value) -> String {
    let next = answer["@nextPage"].as_str().expect("a next page");
    let next = next.replace('+', "%2B").replace('=', "%3D");
    format!("&nextPage={next}")
}

/// The addresses of a page.
pub(super) fn addresses(answer: &Value) -> Vec<String> {
    let items = answer["value"].as_array().expect("a list").iter();
    items
        .map(|item| item["url"].as_str().expect("an address").to_owned())
        .collect()
}

/// Downloads from a presigned address, without any credential.
pub(super) fn download(url: &str) -> Answer {
    let at = url.find("/objects/").expect("an object's address");
    let ask = Ask {
        target: url[at..].to_owned(),
        ..Ask::new(Endpoint::Object)
    };
    ask.send_to(&url[..at])
}

/// Unpacks all members; panics on anything that is not sound.
pub(super) fn unpack(body: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let read = MultiGzDecoder::new(body).read_to_end(&mut text);
    read.expect("sound members");
    text
}

/// One of the calls that both generations have, with this token.
pub(super) fn function(token: &str, endpoint: Endpoint, body: &Value) -> Ask {
    Ask {
        body: body.to_string(),
        ..Ask::new(endpoint)
    }
    .with("Content-Type", "application/json")
    .with("Authorization", &format!("Bearer {token}"))
}

/// The last hour's audit events.
pub(super) fn last_hour() -> Value {
    let now = Utc::now();
    let start = dates::event(now - TimeDelta::hours(1));
    json!({"data": [{"startDateTime": start, "endDateTime": dates::event(now)}]})
}

/// The account code in an answer.
pub(super) fn is_the_account(answer: &Answer) -> bool {
    answer.json()["data"][0]["accountCode"] == Account::SYNTHETIC.account_code
}

/// A sandbox with that many objects of one type, and a token.
pub(super) fn with_objects(log_type: &str, objects: u64) -> (Sandbox, String) {
    let sandbox = Sandbox::start();
    sandbox.serve_objects(
        log_type,
        (0..objects).map(|seed| Object::realistic(seed, 2)),
    );
    let token = fresh(&sandbox);
    (sandbox, token)
}

/// How many addresses a page has, and what it says of the end.
pub(super) fn told(page: &Value) -> (usize, &Value) {
    (addresses(page).len(), &page["isCaughtUp"])
}

/// What these tests alone want to know.
impl Sandbox {
    /// The text of the token that [`Switches::dead_cursors`](crate::Switches::dead_cursors) hands out.
    pub(crate) fn dead_cursor(&self) -> String {
        cursor::dead()
    }

    /// How many list calls asked for that type.
    pub(crate) fn list_calls(&self, log_type: &str) -> usize {
        let service = self.shared.service();
        let lists = service.seen.iter().filter(|seen| {
            let lists = matches!(seen.endpoint, Some(Endpoint::Events | Endpoint::EventsCi));
            lists
                && Pairs::of_target(&seen.path)
                    .is_ok_and(|query| query.get("type") == Some(log_type))
        });
        lists.count()
    }

    /// The names of one type's objects that the store was asked for, in the order of the requests.
    pub(crate) fn downloads(&self, log_type: &str) -> Vec<String> {
        let service = self.shared.service();
        let folder = format!("{}{}/", Endpoint::Object.path(), slug(log_type));
        let names = service.seen.iter().filter_map(|seen| {
            let (path, _) = seen.path.split_once('?')?;
            path.strip_prefix(&folder).map(str::to_owned)
        });
        names.collect()
    }

    /// The names of the obtainable objects of one type, in order: the last part of each path.
    #[track_caller]
    pub(crate) fn object_names(&self, log_type: &str) -> Vec<String> {
        let service = self.shared.service();
        let kept = service.v2.shelf(known(log_type)).obtainable();
        kept.map(|kept| kept.name.clone()).collect()
    }
}
