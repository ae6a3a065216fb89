//! What an answer means.
//!
//! - No success without status 200, nor with an error in the body, nor with another status in it.
//! - "Nothing waiting" is for archives alone, and only when the body holds no data.
//! - A wait is at most an hour; what is said of an answer is short, printable and no piece of it.
#![no_main]

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use mimecast_collector::api::answer::{Answer, Body, Head};
use mimecast_collector::api::endpoints::Call;
use mimecast_collector_fuzz::CANARY;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

const CALLS: [Call; 8] = [
    Call::Discover,
    Call::Login,
    Call::Account,
    Call::Siem,
    Call::Audit,
    Call::Token,
    Call::CloudGateway,
    Call::CloudIntegrated,
];

fn is_json(text: &str) -> bool {
    serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}

fn is_success(answer: &Answer) -> bool {
    matches!(answer, Answer::Data | Answer::Nothing)
}

/// What holds of every answer.
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

fn check(call: Call, head: &Head, text: &str) {
    let answer = Answer::of(call, head, Body::Held(text));
    check_words(&answer);
    if head.status != 200 {
        assert!(!is_success(&answer), "status {} is no success", head.status);
    }
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        // half a surrogate pair in a member that nobody reads is JSON all the same
        return assert!(is_json(text) || answer != Answer::Nothing);
    };
    let fail = &value["fail"];
    let is_failed = !fail.is_null() && fail.as_array().is_none_or(|items| !items.is_empty());
    let status = &value["meta"]["status"];
    let is_other = !status.is_null() && *status != 200 && *status != "200";
    if is_failed || !value["error"].is_null() || is_other || !value.is_object() {
        assert!(!is_success(&answer), "{answer:?} in spite of {text:?}");
    }
    let list = if call.is_list() {
        &value["value"]
    } else {
        &value["data"]
    };
    match answer {
        Answer::Data => assert!(call == Call::Token || list.is_array() || list.is_null()),
        Answer::Nothing => {
            assert!(call == Call::Siem && list.as_array().is_none_or(Vec::is_empty));
        }
        _ => {}
    }
}

fn check_stored(call: Call, head: &Head) {
    let answer = Answer::of(call, head, Body::Stored);
    check_words(&answer);
    assert_eq!(is_success(&answer), head.status == 200);
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
