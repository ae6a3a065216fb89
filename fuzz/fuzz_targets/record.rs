//! State records.
//!
//! - An accepted record stays the same when it is written and read again.
//! - A record with a flipped bit or a missing byte is refused.
//! - A name in a record cannot lead out of its folder.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use mimecast_collector::fuzzing::{StateRecord, own_name};
use mimecast_collector_fuzz::{sealed, sha256};
use serde_json::{Map, Value, json};

fn check(bytes: &[u8]) -> bool {
    let Some(record) = StateRecord::decode(bytes) else {
        return false;
    };
    let written = record.encode();
    assert_eq!(StateRecord::decode(&written).as_ref(), Some(&record));
    for (place, name) in record.names().into_iter().enumerate() {
        assert!(!name.contains(['/', '\\', ':']) && !name.contains("..") && !name.starts_with('.'));
        assert!(place % 2 == 0 || own_name(name).is_some());
    }
    let seed = bytes.iter().fold(7_usize, |sum, byte| {
        sum.wrapping_mul(31) + usize::from(*byte)
    });
    for step in 0..4 {
        let at = seed.wrapping_mul(step * 2 + 1) % written.len();
        let mut flipped = written.clone();
        flipped[at] ^= 1 << (seed % 8);
        assert_eq!(
            StateRecord::decode(&flipped),
            None,
            "byte {at} may be anything"
        );
        assert_eq!(StateRecord::decode(&written[..at]), None, "cut at {at}");
    }
    let settled = record.settled();
    assert!(settled.names().is_empty());
    assert_eq!(
        StateRecord::decode(&settled.encode()).as_ref(),
        Some(&settled)
    );
    true
}

#[derive(Arbitrary, Debug)]
struct Scene {
    stream: String,
    account: String,
    sequence: u64,
    position: Option<String>,
    before: Option<String>,
    pending: Vec<Move>,
    seen: Vec<(i64, Vec<u8>)>,
    added: Vec<(i64, Vec<u8>)>,
    times: [Option<Time>; 2],
    gaps: Vec<(Option<Time>, Time, String)>,
    /// The fields of format 2.
    later: Option<Later>,
}

#[derive(Arbitrary, Debug)]
struct Later {
    id: String,
    older: Option<(u64, u64, i64)>,
    untold: Vec<String>,
    troubles: Vec<(String, u32)>,
    times: [Option<Time>; 3],
}

#[derive(Arbitrary, Debug)]
struct Move {
    staged: Name,
    name: Name,
    size: u64,
}

#[derive(Arbitrary, Debug)]
enum Name {
    Ours(u32),
    Other(String),
}

#[derive(Arbitrary, Debug)]
struct Time {
    year: i32,
    second: u32,
    nanosecond: u32,
    offset: i8,
}

impl Time {
    fn json(&self) -> Value {
        let (second, nanosecond) = (self.second, self.nanosecond % 1_000_000_000);
        let (year, month, day) = (self.year % 300_000, second % 12 + 1, second % 28 + 1);
        let (hour, minute, second) = (second % 24, second % 60, second % 61);
        let offset = self.offset % 14;
        let sign = if !(0..=9999).contains(&year) && year > 0 {
            "+"
        } else {
            ""
        };
        let zone = if offset == 0 {
            "Z".to_owned()
        } else {
            format!("{offset:+03}:00")
        };
        let date = format!("{sign}{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        format!("{date}.{nanosecond:09}{zone}").into()
    }
}

fn memory(hours: &[(i64, Vec<u8>)]) -> Value {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = |ids: &[u8]| -> String {
        let whole = ids.len() / 16 * 16;
        let chunks = ids[..whole].chunks(3);
        let digits = chunks.flat_map(|chunk| {
            let bits = chunk
                .iter()
                .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
                << (24 - 8 * chunk.len());
            (0..=chunk.len())
                .map(move |place| char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]))
        });
        digits.collect()
    };
    let hours = hours
        .iter()
        .take(8)
        .map(|(hour, ids)| (hour.to_string(), text(ids).into()));
    Value::Object(hours.collect::<Map<_, _>>())
}

impl Move {
    fn json(&self) -> Value {
        let sha256 = sha256(&self.size.to_le_bytes());
        let staged = match &self.staged {
            Name::Ours(number) => format!("siem-0a1b2c3d-7-{number}.staged"),
            Name::Other(text) => text.clone(),
        };
        let name = match &self.name {
            Name::Ours(number) => format!("receipt_{number}_{}.siem", &sha256[..16]),
            Name::Other(text) => text.clone(),
        };
        json!({"staged": staged, "name": name, "size": self.size, "sha256": sha256})
    }

    fn is_ours(&self) -> bool {
        matches!((&self.staged, &self.name), (Name::Ours(_), Name::Ours(_)))
    }
}

impl Later {
    fn put(&self, into: &mut Value) {
        into["id"] = self.id.as_str().into();
        if let Some((number, bytes, oldest)) = self.older {
            into["older"] = json!({"number": number, "bytes": bytes, "oldest": oldest});
        }
        into["untold"] = self.untold.iter().take(4).cloned().collect();
        let troubles = self.troubles.iter().take(4);
        let troubles = troubles.map(|(name, runs)| (name.clone(), (*runs).into()));
        into["troubles"] = Value::Object(troubles.collect());
        for (name, time) in ["began", "moved_at", "clock"].iter().zip(&self.times) {
            into[name] = time.as_ref().map_or(Value::Null, Time::json);
        }
    }
}

fn play(scene: &Scene) {
    let time = |time: &Option<Time>| time.as_ref().map(Time::json);
    let gaps = scene.gaps.iter().take(3);
    let gaps =
        gaps.map(|(from, to, why)| json!({"from": time(from), "to": to.json(), "reason": why}));
    let mut body = json!({
        "format": 1, "stream": scene.stream, "account": scene.account, "sequence": scene.sequence,
        "position": scene.position, "before": scene.before,
        "pending": scene.pending.iter().take(5).map(Move::json).collect::<Vec<_>>(),
        "seen": memory(&scene.seen), "added": memory(&scene.added),
        "last_success": time(&scene.times[0]), "not_before": time(&scene.times[1]),
        "gaps": gaps.collect::<Vec<_>>(),
    });
    let mut has_times = scene.times.iter().any(Option::is_some) || !scene.gaps.is_empty();
    if let Some(later) = &scene.later {
        body["format"] = 2.into();
        later.put(&mut body);
        has_times |= later.times.iter().any(Option::is_some);
    }
    let is_accepted = check(&sealed(body.to_string().as_bytes()));
    if !has_times && scene.pending.iter().take(5).all(Move::is_ours) {
        assert!(is_accepted, "a sound record is refused");
    }
}

fuzz_target!(|data: &[u8]| {
    check(data);
    check(&sealed(data));
    if let Ok(scene) = Scene::arbitrary(&mut Unstructured::new(data)) {
        play(&scene);
    }
});
