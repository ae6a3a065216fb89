//! A client for the self tests: raw HTTP, its own signer, and room to spoil every part of a request.

use std::io::{BufRead as _, BufReader, Cursor, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{Account, Endpoint, Sandbox, dates, http, signing};

/// A request to be, with everything that a test may spoil.
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) app_id: &'static str,
    pub(crate) app_key: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) date: String,
    pub(crate) request_id: String,
    /// In place of a signature.
    pub(crate) authorization: Option<String>,
    pub(crate) body: String,
}

impl Call {
    pub(crate) fn new(endpoint: Endpoint, body: &Value) -> Self {
        let account = Account::SYNTHETIC;
        Self {
            method: "POST",
            path: endpoint.path().to_owned(),
            app_id: account.app_id,
            app_key: account.app_key,
            content_type: "application/json",
            date: dates::to_signed(Utc::now()),
            request_id: uuid::Uuid::new_v4().to_string(),
            authorization: None,
            body: body.to_string(),
        }
    }

    pub(crate) fn unsigned(
        endpoint: Endpoint,
        body: &Value,
        authorization: Option<String>,
    ) -> Self {
        let authorization = authorization.or_else(|| Some(String::new()));
        Self {
            authorization,
            ..Self::new(endpoint, body)
        }
    }

    pub(crate) fn request(&self) -> Vec<u8> {
        let account = Account::SYNTHETIC;
        let signed = || {
            let signature = signing::signature(
                account.secret_key,
                &self.date,
                &self.request_id,
                &self.path,
                self.app_key,
            );
            format!(
                "MC {}:{}",
                account.access_key,
                signature.expect("the key is base64")
            )
        };
        let authorization = self.authorization.clone().unwrap_or_else(signed);
        format!(
            "{} {} HTTP/1.1\r\nHost: sandbox\r\nContent-Type: {}\r\nx-mc-app-id: {}\r\nx-mc-date: {}\r\n\
             x-mc-req-id: {}\r\nAuthorization: {authorization}\r\nContent-Length: {}\r\n\r\n{}",
            self.method, self.path, self.content_type, self.app_id, self.date, self.request_id,
            self.body.len(), self.body,
        )
        .into_bytes()
    }

    pub(crate) fn send(&self, sandbox: &Sandbox) -> Answer {
        let mut stream = connect(sandbox);
        stream.write_all(&self.request()).expect("sent");
        Answer::read(&stream)
    }
}

pub(crate) fn connect(sandbox: &Sandbox) -> TcpStream {
    let url = sandbox.url();
    let address = url.strip_prefix("http://").expect("an http address");
    let stream = TcpStream::connect(address).expect("the sandbox listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("set");
    stream
}

pub(crate) struct Answer {
    /// 0 when there was no answer.
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn read(stream: &TcpStream) -> Self {
        let mut reader = BufReader::new(stream);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) <= 2 {
                break;
            }
            head.push(line.trim_end().to_owned());
        }
        let status = head
            .first()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = head.iter().filter_map(|line| line.split_once(": "));
        let mut answer = Self {
            status: status.unwrap_or(0),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: Vec::new(),
        };
        match answer.header("content-length").parse() {
            Ok(length) => reader
                .take(length)
                .read_to_end(&mut answer.body)
                .expect("a body"),
            Err(_) if answer.header("transfer-encoding") == "chunked" => {
                while !answer.body.ends_with(b"0\r\n\r\n") {
                    reader.read_until(b'\n', &mut answer.body).expect("a chunk");
                }
                0
            }
            Err(_) => reader.read_to_end(&mut answer.body).unwrap_or(0),
        };
        answer
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        http::find(&self.headers, name).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("a text")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON answer")
    }

    pub(crate) fn code(&self) -> String {
        self.json()["fail"][0]["errors"][0]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

pub(crate) fn siem(token: &str, format: &str) -> Call {
    let item = json!({"type": "MTA", "token": token, "fileFormat": format, "compress": true});
    Call::new(Endpoint::Siem, &json!({"data": [item]}))
}

pub(crate) fn audit((start, end): (DateTime<Utc>, DateTime<Utc>), token: Option<&str>) -> Call {
    let mut pagination = json!({"pageSize": 10});
    if let Some(token) = token {
        pagination["pageToken"] = json!(token);
    }
    let dates = json!({"startDateTime": dates::event(start), "endDateTime": dates::event(end)});
    Call::new(
        Endpoint::Audit,
        &json!({"meta": {"pagination": pagination}, "data": [dates]}),
    )
}

/// Names and texts, read by a library that had no part in writing them.
pub(crate) fn unpack(archive: &[u8]) -> Vec<(String, String)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).expect("an archive");
    (0..archive.len())
        .map(|index| {
            let mut entry = archive.by_index(index).expect("an entry");
            let mut text = String::new();
            entry
                .read_to_string(&mut text)
                .expect("a text with the right checksum");
            let name = entry.name().expect("a readable name").into_owned();
            (name, text)
        })
        .collect()
}

pub(crate) fn owned_lines(text: &str) -> Vec<Vec<u8>> {
    text.lines().map(|line| line.as_bytes().to_vec()).collect()
}
