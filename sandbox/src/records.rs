//! SIEM records: fields in order, and their two renderings.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::record_kinds as kinds;
use crate::record_kinds_threats as threats;

/// The ten log types, by the prefix of their file names.
pub const LOG_TYPES: [&str; 10] = [
    "receipt",
    "process",
    "delivery",
    "jrnl",
    "ttp_url",
    "ttp_ap",
    "impersonation",
    "iep",
    "av",
    "spameventthread",
];

/// One event of a log file.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// In the order of the line.
    pub fields: Vec<(String, Value)>,
}

impl Record {
    /// These fields.
    pub fn new<const N: usize>(fields: [(&str, Value); N]) -> Self {
        let fields = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Self {
            fields: fields.collect(),
        }
    }

    /// A record of that type. Every pair of seed and number gives another line, whatever the type.
    pub fn realistic(log_type: &str, seed: u64, number: u64, before: DateTime<Utc>) -> Self {
        let mut draw = Draw::new(seed, number, before);
        match log_type {
            "receipt" => kinds::receipt(&mut draw),
            "process" => kinds::process(&mut draw),
            "delivery" => kinds::delivery(&mut draw),
            "jrnl" => kinds::journal(&mut draw),
            "ttp_url" => threats::ttp_url(&mut draw),
            "ttp_ap" => threats::ttp_attachment(&mut draw),
            "impersonation" => threats::impersonation(&mut draw),
            "iep" => threats::internal_email(&mut draw),
            "av" => threats::antivirus(&mut draw),
            "spameventthread" => threats::spam_thread(&mut draw),
            other => panic!("no log type {other}"),
        }
    }

    /// `key=value` joined by pipes; nothing is escaped, and a null field is left out.
    pub fn line(&self) -> String {
        let present = self.fields.iter().filter(|(_, value)| !value.is_null());
        let pairs: Vec<String> = present
            .map(|(name, value)| match value {
                Value::String(text) => format!("{name}={text}"),
                other => format!("{name}={other}"),
            })
            .collect();
        pairs.join("|")
    }

    /// A JSON object. `datetime` is not first and slashes are escaped, as recorded: neither may matter to a reader.
    pub fn json(&self) -> String {
        let middle = self.fields.len() / 2;
        let (first, second) = self.fields.split_at(middle);
        let pairs: Vec<String> = second
            .iter()
            .chain(first)
            .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())))
            .collect();
        // Outside of texts JSON knows no slash.
        format!("{{{}}}", pairs.join(",").replace('/', "\\/"))
    }

    /// The same object, to compare with.
    pub fn object(&self) -> Value {
        Value::Object(self.fields.iter().cloned().collect::<Map<_, _>>())
    }
}

/// The chance values of one record, reproducible from seed and number.
pub(crate) struct Draw {
    random: fastrand::Rng,
    seed: u64,
    number: u64,
    time: DateTime<Utc>,
}

impl Draw {
    pub(crate) fn new(seed: u64, number: u64, before: DateTime<Utc>) -> Self {
        let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number.rotate_left(32);
        let mut random = fastrand::Rng::with_seed(mixed);
        let time = before - TimeDelta::seconds(random.i64(1..1800));
        Self {
            random,
            seed,
            number,
            time,
        }
    }

    /// 32 hexadecimal digits that no other record has.
    pub(crate) fn unique(&self) -> String {
        format!("{:016x}{:016x}", self.seed, self.number)
    }

    pub(crate) fn pick(&mut self, from: &[&str]) -> Value {
        Value::from(*self.random.choice(from).expect("the list is not empty"))
    }

    pub(crate) fn number(&mut self, below: u32) -> Value {
        Value::from(self.random.u32(0..below))
    }

    pub(crate) fn one_in(&mut self, times: u32) -> bool {
        self.random.u32(0..times) == 0
    }

    /// A boolean that the service writes as a text.
    pub(crate) fn flag(&mut self) -> Value {
        self.pick(&["true", "false", "false", "false"])
    }

    pub(crate) fn hex(&mut self, digits: usize) -> Value {
        let digits = (0..digits).map(|_| self.random.digit(16));
        Value::from(digits.collect::<String>())
    }

    pub(crate) fn address(&mut self) -> Value {
        let networks = ["192.0.2", "198.51.100", "203.0.113"];
        let network = self.random.choice(networks).expect("three");
        Value::from(format!("{network}.{}", self.random.u8(1..255)))
    }

    /// The time as API 2.0 writes it.
    pub(crate) const fn milliseconds(&self) -> i64 {
        self.time.timestamp_millis()
    }

    /// The time with the offset of the account's grid, without colon.
    pub(crate) fn time(&self) -> Value {
        let offset = if self.seed.is_multiple_of(2) {
            "+0000"
        } else {
            "+0100"
        };
        Value::from(self.time.format("%Y-%m-%dT%H:%M:%S").to_string() + offset)
    }
}
