//! Numbers, times and notes in few words.

use chrono::{DateTime, TimeDelta, Utc};

use super::stream::StreamOverview;

/// The time before their end for which keys that expire are mentioned.
const EXPIRY_NOTICE: TimeDelta = TimeDelta::days(30);

/// Returns a span of time in its largest unit, such as `12 min`. A negative span counts as none.
pub(super) fn age(span: TimeDelta) -> String {
    let minutes = span.num_minutes().max(0);
    match minutes {
        0 => "now".to_owned(),
        1..120 => format!("{minutes} min"),
        120..2_880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1_440),
    }
}

/// Returns how long ago a time was, or `-`.
pub(super) fn ago(time: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    match time.map(|time| age(now - time)) {
        None => "-".to_owned(),
        Some(age) if age == "now" => age,
        Some(age) => format!("{age} ago"),
    }
}

/// Returns a number with a comma between its thousands.
pub(super) fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// Returns a number with its noun, such as `1 file` or `2 files`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

/// Returns a sentence about keys that expire within [`EXPIRY_NOTICE`], or that have expired.
pub(super) fn expiry_note(at: DateTime<Utc>, now: DateTime<Utc>) -> Option<String> {
    let left = at - now;
    let remedy = "run authentication_setup to get new ones";
    if left <= TimeDelta::zero() {
        return Some(format!("the keys expired on {}: {remedy}", minute(at)));
    }
    (left < EXPIRY_NOTICE).then(|| {
        format!(
            "the keys expire in {}, on {}: {remedy}",
            age(left),
            minute(at)
        )
    })
}

/// Returns a text that cannot control a terminal or forge a line.
pub fn escaped(text: &str) -> String {
    let escape = |letter: char| match letter.is_control() {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    };
    text.chars().map(escape).collect()
}

/// Returns a number of bytes in its largest unit.
pub(super) fn bytes(number: u64) -> String {
    indicatif::HumanBytes(number).to_string()
}

/// Returns one of eight bars for each number, relative to the largest.
pub(super) fn sparkline(numbers: &[u64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = numbers.iter().copied().max().unwrap_or_default().max(1);
    let most = u128::from(most);
    let bar = |number: &u64| match number {
        0 => ' ',
        number => BARS[usize::try_from((u128::from(*number) * 8).div_ceil(most) - 1).unwrap_or(7)],
    };
    numbers.iter().map(bar).collect()
}

/// Returns a time to the minute.
pub(super) fn minute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// Returns what a person should know about a stream.
pub(super) fn stream_notes(stream: &StreamOverview, now: DateTime<Utc>) -> Vec<String> {
    let name = &stream.name;
    let mut notes = Vec::new();
    if !stream.is_configured {
        notes.push(format!(
            "{name}: the configuration does not name it any more"
        ));
    }
    if let Some(why) = &stream.unreadable {
        notes.push(format!("{name}: the state cannot be read: {why}"));
    }
    if let Some(at) = stream
        .loses_data_at
        .filter(|_| stream.is_about_to_lose_data(now))
    {
        notes.push(match at > now {
            true => format!("{name}: will lose data in {}", age(at - now)),
            false => format!("{name}: may have lost data since {}", minute(at)),
        });
    }
    for (trouble, runs) in &stream.troubles {
        let runs = counted(u64::from(*runs), "run");
        notes.push(format!(
            "{name}: trouble with \"{trouble}\" in {runs} in a row"
        ));
    }
    if let Some(until) = stream.not_before {
        let until = until.format("%H:%M");
        notes.push(format!("{name}: Mimecast asked to wait until {until}"));
    }
    if let Some(gap) = stream.gaps.last() {
        let gaps = counted(stream.gaps.len() as u64, "gap");
        let (to, why) = (minute(gap.to), &gap.reason);
        notes.push(format!(
            "{name}: {gaps} in seven days, the last until {to}: {why}"
        ));
    }
    if stream.quarantined > 0 {
        let answers = counted(stream.quarantined as u64, "answer");
        let them = if stream.quarantined == 1 {
            "it"
        } else {
            "them"
        };
        notes.push(format!(
            "{name}: {answers} in quarantine: look at {them}, then delete {them}"
        ));
    }
    notes.extend(stream.untold.iter().map(|text| format!("{name}: {text}")));
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_given_in_its_largest_unit() {
        for (minutes, expected) in [
            (-5, "now"),
            (0, "now"),
            (1, "1 min"),
            (119, "119 min"),
            (120, "2 h"),
            (2_879, "47 h"),
            (2_880, "2 days"),
        ] {
            assert_eq!(age(TimeDelta::minutes(minutes)), expected);
        }
    }

    #[test]
    fn a_bar_grows_with_its_number_and_none_is_blank() {
        assert_eq!(sparkline(&[0, 1, 50, 100]), " ▁▄█");
        assert_eq!(sparkline(&[0, 0]), "  ");
        assert_eq!(sparkline(&[u64::MAX, 1]), "█▁");
        assert_eq!(sparkline(&[]), "");
    }
}
