//! Audit events.

use chrono::{DateTime, SubsecRound as _, Utc};
use serde_json::Value;

use crate::dates;
use crate::reads;
use crate::tokens;

/// One audit event. Times have second precision, as on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// `id`; see [`realistic`](Self::realistic).
    pub id: String,
    /// `auditType`, for instance `User Logged On`.
    pub audit_type: String,
    /// `user`: an address, or nothing for what the service does by itself.
    pub user: String,
    /// `eventTime`.
    pub event_time: DateTime<Utc>,
    /// `eventInfo`: free text.
    pub event_info: String,
    /// `category`, for instance `account_logs`.
    pub category: String,
    /// Sent instead of the rendered item, verbatim: for malformed items. Place and order still follow `event_time`.
    pub raw: Option<String>,
    /// It is sent a second time and must not be published again: the ledger of ids leaves it out.
    pub is_repetition: bool,
}

impl AuditEvent {
    /// The event number `n`, at `time`: the recorded vocabulary in turn, with the texts that break naive readers.
    ///
    /// Equal numbers give equal ids; different numbers different ones.
    pub fn realistic(n: u64, time: DateTime<Utc>) -> Self {
        let mut random = fastrand::Rng::with_seed(n ^ 0xa0d1_7e57);
        let (audit_type, category, info) = VOCABULARY[n as usize % VOCABULARY.len()];
        let user = match audit_type {
            // Recorded: work that the service does by itself has no user.
            "Completed Directory Sync" => "",
            _ => *random.choice(&USERS).expect("the list is not empty"),
        };
        let event_info = info
            .replace("{user}", user)
            .replace("{n}", &n.to_string())
            .replace("{date}", &time.format("%Y-%m-%d").to_string())
            .replace("{time}", &time.format("%H:%M:%S").to_string())
            .replace("{ip}", &format!("192.0.2.{}", random.u8(1..255)));
        Self {
            id: tokens::audit_id(n),
            audit_type: audit_type.to_owned(),
            user: user.to_owned(),
            event_time: time.trunc_subsecs(0),
            event_info,
            category: category.to_owned(),
            raw: None,
            is_repetition: false,
        }
    }

    /// The same event with other words: two events of one id are two events.
    pub fn with_info(mut self, info: impl Into<String>) -> Self {
        self.event_info = info.into();
        self
    }

    /// The same event, so long that a page of 500 of them is larger than any answer that a client has to take.
    pub fn of_size(self, bytes: usize) -> Self {
        let word = format!("{} ", &self.id[self.id.len() - 12..]);
        let info = word.repeat(bytes / word.len() + 1);
        self.with_info(info)
    }

    /// The same event written in another way: members in another order, blanks between them. Not another event.
    pub fn rearranged(self) -> Self {
        let text = reads::rearranged(&self.json());
        Self {
            is_repetition: true,
            ..self.with_raw(text)
        }
    }

    /// The same event with a raw control character inside of a text, which JSON does not permit.
    pub fn with_control_character(self) -> Self {
        let text = self
            .json()
            .replacen("\"eventInfo\":\"", "\"eventInfo\":\"\u{1}", 1);
        self.with_raw(text)
    }

    /// The same event, but its text stops in the middle: the page around it is no JSON.
    pub fn broken(self) -> Self {
        let text = self.json();
        let (half, _) = text
            .split_once("\",\"eventTime")
            .expect("rendered with a time");
        let half = half.to_owned();
        self.with_raw(half)
    }

    /// True if the item is a JSON object as it is sent.
    pub fn is_readable(&self) -> bool {
        let read = serde_json::from_str::<Value>(&self.json());
        read.is_ok_and(|item| item.is_object())
    }

    /// The same place in the order, but this text on the wire.
    pub fn with_raw(mut self, raw: impl Into<String>) -> Self {
        self.raw = Some(raw.into());
        self
    }

    /// The item as it is sent.
    pub fn json(&self) -> String {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let text = |text: &str| Value::from(text).to_string();
        format!(
            r#"{{"id":{},"auditType":{},"user":{},"eventTime":"{}","eventInfo":{},"category":{}}}"#,
            text(&self.id),
            text(&self.audit_type),
            text(&self.user),
            dates::event(self.event_time),
            text(&self.event_info),
            text(&self.category),
        )
    }

    /// Reads back what [`json`](Self::json) rendered without a raw text.
    pub(crate) fn from_json(json: &str, event_time: DateTime<Utc>) -> Self {
        let value: Value = serde_json::from_str(json).expect("rendered by this module");
        let text = |name: &str| value[name].as_str().expect("rendered as a text").to_owned();
        Self {
            id: text("id"),
            audit_type: text("auditType"),
            user: text("user"),
            event_time,
            event_info: text("eventInfo"),
            category: text("category"),
            raw: None,
            is_repetition: false,
        }
    }
}

const USERS: [&str; 4] = [
    "alice@example.com",
    "bob@example.org",
    "jürg.müller@example.net",
    "collector@example.com",
];

/// Type, category and information: the recorded vocabulary, with local times in several styles, quotes, pipes, line
/// breaks, JSON inside and text beyond ASCII.
const VOCABULARY: [(&str, &str, &str); 20] = [
    (
        "User Logged On",
        "authentication_logs",
        "Successful authentication for {user} <User>, Date: {date}, Time: {time} GMT-05:00, IP: {ip}, Application: SMTP-MTA{n}, Method: Cloud",
    ),
    (
        "Logon Authentication Failed",
        "authentication_logs",
        "Failed authentication for {user} <User>, Date: {date}, Time: {time} BST, IP: {ip}, Application: mimecast-moa, Method: Office 365, Reason: Wrong password",
    ),
    (
        "Logon Requires Challenge",
        "authentication_logs",
        "Challenge {n} sent to {user}, Date: {date}, Time: {time} +0000, IP: {ip}",
    ),
    (
        "Threat Intel Feed Download",
        "reporting_logs",
        "Feed {n} downloaded by {user}, Date: {date}, Time: {time}, IP: {ip}",
    ),
    (
        "Custom Report Definition Created",
        "reporting_logs",
        "Report \"Weekly {n}\" created by {user}, Date: {date}, Time: {time}, IP: {ip}",
    ),
    (
        "Mimecast Support Login",
        "mimecast_access_logs",
        "Support session {n}, Date: {date}, Time: {time}, IP: {ip}",
    ),
    (
        "Completed Directory Sync",
        "account_logs",
        "No changes found.",
    ),
    (
        "Page Data Exports",
        "account_logs",
        "[Export type : Download,Columns exported :Name|Email|Department|Number{n}], Date: {date}, Time: {time}+0000, IP: {ip}, Application: mimecast-matfe",
    ),
    (
        "Remediation Incident Adjustment",
        "account_logs",
        "Incident MCREM-{n} changed from \"open\" to \"closed\" by {user}",
    ),
    (
        "Search Action",
        "case_review_logs",
        "Search for subject:\"a|b=c\" by {user}, Date: {date}, Time: {time}, IP: {ip}",
    ),
    (
        "Message Action",
        "case_review_logs",
        "Released message \"Grüße aus Zürich {n}\" to {user}",
    ),
    (
        "Case Action",
        "case_review_logs",
        "Case 東京-{n} opened by {user} 🎉",
    ),
    (
        "Review Set Action",
        "case_review_logs",
        "{\"set\":\"{n}\",\"by\":\"{user}\",\"empty\":null}",
    ),
    (
        "Folder Log Entry",
        "profile_group_logs",
        "Action Performed - Deleted New Folder by {user}<User> Date: {date} Time: {time} +0100 IP: {ip} Application: Administration Console",
    ),
    (
        "User Password Changed",
        "user_account_and_role_logs",
        "Password changed for {user}, Date: {date}, Time: {time}, IP: {ip}",
    ),
    (
        "Existing Archive Task Changed",
        "archive_service_logs",
        "Task {n} changed\r\nOld: \"daily\"\r\nNew: \"weekly\"",
    ),
    (
        "Archive Mailbox Restore",
        "archive_service_logs",
        "Restore {n} for {user}\tstarted",
    ),
    (
        "Archive Mailbox Export Download",
        "archive_service_logs",
        "Export {n} downloaded by {user} from {ip}",
    ),
    (
        "Connectors Management",
        "integrations_and_apis",
        "Connector creation for Microsoft O365\nName: Sync {n}, Description: null, Date: {date}, Time: {time}+0000, IP: {ip}, Application: Administration Console",
    ),
    ("Case Action", "case_review_logs", ""),
];
