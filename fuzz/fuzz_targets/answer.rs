//! The meaning of an answer.
//!
//! - A success needs status 200, and a body without an error and without another status. Status 204 means
//!   "nothing waiting" for calls that follow a token, and for no other call.
//! - Else only archives can be "nothing waiting", and only if the body holds no data but the end mark.
//! - A position is refused only by an error in the envelope of Mimecast.
//! - A wait is at most an hour. The message about an answer is short and printable, and quotes none of it.
#![no_main]

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use mimecast_collector::fuzzing::Call;
use mimecast_collector::fuzzing::{ARCHIVES, AUDIT, CLOUD_GATEWAY, CLOUD_INTEGRATED};
use mimecast_collector::fuzzing::{Answer, Body, Head};
use mimecast_collector_fuzz::{CANARY, first, items, members};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::value::RawValue;
use serde_json::{Value, json};

const CALLS: [Call; 8] = [
    Call::Discover,
    Call::Login,
    Call::Account,
    Call::Log(&ARCHIVES),
    Call::Log(&AUDIT),
    Call::Token,
    Call::Log(&CLOUD_GATEWAY),
    Call::Log(&CLOUD_INTEGRATED),
];

fn is_success(answer: &Answer) -> bool {
    matches!(answer, Answer::Data | Answer::Nothing)
}

/// Checks what applies to every answer.
fn check_words(answer: &Answer) {
    match answer {
        Answer::SlowDown(wait) => assert!(wait.unwrap_or_default() <= Duration::from_secs(3_600)),
        Answer::Broken(why) | Answer::NotUnderstood(why) => {
            assert!(
                why.chars().count() <= 400 && !why.contains(char::is_control),
                "{why:?}"
            );
        }
        _ => {}
    }
}

/// True if status 204 means "nothing waiting" for this call.
fn follows_tokens(call: Call) -> bool {
    call == Call::Log(&ARCHIVES) || call.is_list()
}

fn check(call: Call, head: &Head, text: &str) {
    let answer = Answer::of(call, head, Body::Held(text));
    check_words(&answer);
    if head.status == 204 {
        return assert_eq!(answer == Answer::Nothing, follows_tokens(call));
    }
    if head.status != 200 {
        assert!(!is_success(&answer), "status {} is no success", head.status);
    }
    let is_nothing = answer == Answer::Nothing;
    assert!(call == Call::Log(&ARCHIVES) || !is_nothing);
    let Some(members) = members(text) else {
        // an object with broken members is accepted, but text without braces is never an answer
        let has_braces = text.trim_start().starts_with('{');
        let is_position = answer == Answer::PositionRefused;
        return assert!(has_braces || !(is_success(&answer) || is_position));
    };
    if is_failed(&members) || has_other_status(&members) {
        assert!(!is_success(&answer), "{answer:?} in spite of {text:?}");
    } else {
        assert_ne!(answer, Answer::PositionRefused, "{text:?}");
    }
    let list = first(&members, if call.is_list() { "value" } else { "data" });
    if answer == Answer::Data {
        assert!(call == Call::Token || list.is_some_and(|list| items(list).is_some()));
    }
    if is_nothing {
        let items = items(list.unwrap_or("null")).expect("a list");
        assert!(items.iter().all(|item| is_end(item.get())), "{text:?}");
    }
}

/// True if the body names an error.
fn is_failed(members: &[(String, Box<RawValue>)]) -> bool {
    let is_error = first(members, "error").is_some_and(|error| error != "null");
    let read = |text| serde_json::from_str::<Value>(text);
    let fail = first(members, "fail").unwrap_or("null");
    let is_empty = match read(fail) {
        Ok(Value::Null) => true,
        Ok(Value::Array(items)) => items.is_empty(),
        Ok(Value::Object(members)) => members.is_empty(),
        _ => false,
    };
    is_error || !is_empty
}

/// True if the body states a status other than 200 and 204.
fn has_other_status(names: &[(String, Box<RawValue>)]) -> bool {
    let meta = first(names, "meta").and_then(members).unwrap_or_default();
    if meta.iter().filter(|(name, _)| name == "status").count() != 1 {
        return false;
    }
    let status = first(&meta, "status").unwrap_or("null");
    let status = serde_json::from_str::<Value>(status).unwrap_or_default();
    let fine = [200, 204].map(|status| [Value::from(status), status.to_string().into()]);
    !status.is_null() && !fine.as_flattened().contains(&status)
}

/// True if an item is only the end mark.
fn is_end(item: &str) -> bool {
    members(item)
        .is_some_and(|members| members.len() == 1 && first(&members, "isLastToken") == Some("true"))
}

fn check_stored(call: Call, head: &Head) {
    let answer = Answer::of(call, head, Body::Stored);
    check_words(&answer);
    let is_empty = head.status == 204 && follows_tokens(call);
    assert_eq!(is_success(&answer), head.status == 200 || is_empty);
    let answer = Answer::of_object(head);
    check_words(&answer);
    assert!(head.status == 200 || !is_success(&answer));
}

#[derive(Arbitrary, Debug)]
struct Scene {
    call: u8,
    status: u16,
    headers: Vec<(u8, String)>,
    inner: Option<Inner>,
    fail: Vec<Failure>,
    data: Shape,
    value: Shape,
    error: Option<Failure>,
}

#[derive(Arbitrary, Debug)]
enum Inner {
    Number(u16),
    Large(u64),
    Fraction(f64),
    Text(u16),
    Flag(bool),
}

#[derive(Arbitrary, Debug)]
struct Failure {
    code: u8,
    is_retryable: Option<bool>,
    is_nested: bool,
}

#[derive(Arbitrary, Debug)]
enum Shape {
    Absent,
    Null,
    Empty,
    Filled,
    Object,
    Text,
}

impl Failure {
    fn json(&self) -> Value {
        let codes = [
            "err_xdk_binding_expired",
            "err_developer_key",
            "err_audit_siem_invalid_token",
            "app_forbidden",
            "err_unknown",
            "no code ",
        ];
        let code = codes[usize::from(self.code) % codes.len()];
        let error = json!({"code": code, "message": CANARY, "retryable": self.is_retryable});
        if self.is_nested {
            json!({"key": CANARY, "errors": [error]})
        } else {
            error
        }
    }
}

impl Shape {
    fn put(&self, into: &mut Value, name: &str) {
        into[name] = match self {
            Self::Absent => return,
            Self::Null => Value::Null,
            Self::Empty => json!([]),
            Self::Filled => json!([{"x": CANARY}]),
            Self::Object => json!({"x": CANARY}),
            Self::Text => CANARY.into(),
        };
    }
}

impl Scene {
    fn head(&self) -> Head {
        let names = [
            "retry-after",
            "x-ratelimit-reset",
            "date",
            "content-type",
            "location",
            "mc-siem-token",
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = names[usize::from(*name) % names.len()];
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let usual = [200, 200, 200, 400, 401, 403, 404, 418, 429, 500, 503];
        let status = *usual
            .get(usize::from(self.status) % 16)
            .unwrap_or(&(100 + self.status % 900));
        Head { status, headers }
    }

    fn body(&self) -> String {
        let mut body = json!({});
        match &self.inner {
            None => {}
            Some(Inner::Number(number)) => body["meta"] = json!({"status": number}),
            Some(Inner::Large(number)) => body["meta"] = json!({"status": number}),
            Some(Inner::Fraction(number)) => body["meta"] = json!({"status": number}),
            Some(Inner::Text(number)) => body["meta"] = json!({"status": number.to_string()}),
            Some(Inner::Flag(flag)) => body["meta"] = json!({"status": flag}),
        }
        self.data.put(&mut body, "data");
        self.value.put(&mut body, "value");
        let fail: Vec<_> = self.fail.iter().take(3).map(Failure::json).collect();
        body["fail"] = fail.into();
        if let Some(error) = &self.error {
            body["error"] = error.json();
        }
        body.to_string()
    }
}

fn play(scene: &Scene) {
    let (call, head, body) = (
        CALLS[usize::from(scene.call) % 8],
        scene.head(),
        scene.body(),
    );
    check(call, &head, &body);
    check_stored(call, &head);
    let is_in_header = scene
        .headers
        .iter()
        .any(|(_, value)| value.contains("Canary"));
    let answer = Answer::of(call, &head, Body::Held(&body));
    assert!(is_in_header || !format!("{answer:?}").contains(CANARY));
}

fuzz_target!(|data: &[u8]| {
    if let Some((&[call, high, low], body)) = data.split_first_chunk() {
        let status = if high.is_ascii_graphic() {
            200
        } else {
            100 + u16::from_be_bytes([high, low]) % 900
        };
        let head = Head {
            status,
            headers: HeaderMap::new(),
        };
        check(
            CALLS[usize::from(call) % 8],
            &head,
            &String::from_utf8_lossy(body),
        );
    }
    if let Ok(scene) = Scene::arbitrary(&mut Unstructured::new(data)) {
        play(&scene);
    }
});
