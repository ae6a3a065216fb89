//! Strict reading of form bodies and query strings: every pair once, every byte encoded that has to be.

/// What may stand unencoded in a form besides letters and digits: the marks that one or the other standard leaves alone.
const FORM: &[u8] = b"-._~*";
/// A query may also show a slash and a colon.
const QUERY: &[u8] = b"-._~*/:";

/// The pairs of a form, in order.
pub(crate) struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// Reads the body of a form.
    pub(crate) fn of_form(body: &[u8]) -> Result<Self, String> {
        Self::read(body, FORM, "the form")
    }

    /// Reads what follows the question mark of a target; nothing when there is none.
    pub(crate) fn of_target(target: &str) -> Result<Self, String> {
        match target.split_once('?') {
            None => Ok(Self(Vec::new())),
            Some((_, query)) => Self::read(query.as_bytes(), QUERY, "the query"),
        }
    }

    fn read(text: &[u8], plain: &[u8], what: &str) -> Result<Self, String> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in text.split(|byte| *byte == b'&') {
            let cut = pair.iter().position(|byte| *byte == b'=');
            let cut = cut.ok_or_else(|| format!("{what} has a pair without equals sign"))?;
            let name = decode(&pair[..cut], plain).ok_or_else(|| badly_encoded(what, "a name"))?;
            let value =
                decode(&pair[cut + 1..], plain).ok_or_else(|| badly_encoded(what, &name))?;
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(format!("{what} has {name:?} twice"));
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// Fails on a name that is not one of `known`.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), String> {
        match self
            .0
            .iter()
            .find(|(name, _)| !known.contains(&name.as_str()))
        {
            Some((name, _)) => Err(format!("{name:?} is not known here")),
            None => Ok(()),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(other, _)| other == name);
        pair.map(|(_, value)| value.as_str())
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, String> {
        self.get(name).ok_or_else(|| format!("{name} is missing"))
    }
}

fn badly_encoded(what: &str, name: &str) -> String {
    format!("{what} is not percent-encoded in {name}")
}

/// `None` for a byte that should have been encoded, for an escape that is none, and for bytes that are no text.
fn decode(text: &[u8], plain: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return None;
                }
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &rest[2..];
            }
            byte if byte.is_ascii_alphanumeric() || plain.contains(byte) => bytes.push(*byte),
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok()
}
