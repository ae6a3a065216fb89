//! Reads a pickle of Python 2 that holds one dict of texts. The reader cannot run code.
//!
//! A pickle is a program for a small stack machine. This reader knows only the instructions with which
//! Python 2 writes a dict of texts, in protocols 0, 1 and 2. It refuses every other instruction, above all
//! those that name, call or build an object.
//!
//! Source: the module `pickle` of Python 2.7, and `pickletools` for the form of each instruction.

mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::rc::Rc;

pub(crate) use text::Text;

/// The most values on the stack. It also limits the entries of a dict.
const STACK_LIMIT: usize = 64;
/// The most texts that the pickle may refer to again.
const MEMO_LIMIT: usize = 256;
/// The longest number in a protocol 0 instruction, in digits.
const DIGITS: usize = 9;

/// The reason why bytes are not such a pickle: a clause. It never repeats a value, because a value may be a
/// secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) String);

/// A dict of texts.
pub(crate) type Dict = BTreeMap<String, Rc<Text>>;

/// Reads the whole pickle. The caller limits its size.
///
/// # Errors
/// [`Refused`] for everything that Python 2 does not write for a dict of texts with names in ASCII.
pub(crate) fn read(bytes: &[u8]) -> Result<Dict, Refused> {
    let mut machine = Machine {
        bytes,
        at: 0,
        stack: Vec::new(),
        memo: BTreeMap::new(),
    };
    while machine.step()? == Next::Continue {}
    machine.result()
}

/// A value on the stack.
enum Value {
    /// The beginning of a list of entries.
    Mark,
    Text(Rc<Text>),
    Dict(Dict),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Continue,
    Stop,
}

struct Machine<'a> {
    bytes: &'a [u8],
    /// The place of the next byte.
    at: usize,
    stack: Vec<Value>,
    /// Texts that the pickle can refer to. `None` for the dict, to which no valid pickle refers.
    memo: BTreeMap<u32, Option<Rc<Text>>>,
}

impl Machine<'_> {
    /// Carries out one instruction.
    fn step(&mut self) -> Result<Next, Refused> {
        let start = self.at;
        match self.take(1)?[0] {
            b'.' => return Ok(Next::Stop),
            0x80 => self.protocol(start)?,
            b'(' => self.push(Value::Mark)?,
            b'}' => self.push(Value::Dict(Dict::new()))?,
            b'd' => self.dict_of_entries()?,
            b's' => self.set_item()?,
            b'u' => self.set_items()?,
            b'S' => {
                let text = text::quoted(self.line()?).map_err(refused)?;
                self.push_text(text)?;
            }
            b'V' => {
                let text = text::escaped(self.line()?).map_err(refused)?;
                self.push_text(text)?;
            }
            b'U' => self.counted(1, Text::bytes)?,
            b'T' => self.counted(4, Text::bytes)?,
            b'X' => self.counted(4, Text::unicode)?,
            b'p' => self.put(None)?,
            b'q' => self.put(Some(1))?,
            b'r' => self.put(Some(4))?,
            b'g' => self.get(None)?,
            b'h' => self.get(Some(1))?,
            b'j' => self.get(Some(4))?,
            other => return Err(unknown(other, start)),
        }
        Ok(Next::Continue)
    }

    /// Returns the dict, which must be all that the pickle holds.
    fn result(mut self) -> Result<Dict, Refused> {
        if self.at < self.bytes.len() {
            return Err(refused("it has bytes after its end"));
        }
        match (self.stack.pop(), self.stack.is_empty()) {
            (Some(Value::Dict(dict)), true) => Ok(dict),
            _ => Err(refused("it does not hold one dict")),
        }
    }

    fn protocol(&mut self, start: usize) -> Result<(), Refused> {
        match self.take(1)?[0] {
            2 if start == 0 => Ok(()),
            number => Err(refused(format!(
                "it is of protocol {number}, and the scripts write 0 to 2"
            ))),
        }
    }

    fn take(&mut self, count: usize) -> Result<&[u8], Refused> {
        let end = self.at.checked_add(count);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or_else(|| refused("it is cut short"))?;
        self.at += count;
        Ok(taken)
    }

    /// Returns the bytes up to the next line break.
    fn line(&mut self) -> Result<&[u8], Refused> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| *byte == b'\n');
        let length = length.ok_or_else(|| refused("it is cut short"))?;
        self.at += length + 1;
        Ok(&rest[..length])
    }

    /// Returns a number of one byte or of four, the lowest first.
    fn number(&mut self, width: usize) -> Result<u32, Refused> {
        let digits = self.take(width)?.iter().rev();
        Ok(digits.fold(0, |number, digit| number << 8 | u32::from(*digit)))
    }

    /// Returns the number of a reference: of `width` bytes, or the decimal digits of a line.
    fn reference(&mut self, width: Option<usize>) -> Result<u32, Refused> {
        if let Some(width) = width {
            return self.number(width);
        }
        let digits = self.line()?;
        let is_number = (1..=DIGITS).contains(&digits.len()) && digits.is_ascii();
        let is_number = is_number && digits.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(digits).ok().filter(|_| is_number);
        let number = number.and_then(|digits| digits.parse().ok());
        number.ok_or_else(|| refused("a reference is not a number"))
    }

    fn push(&mut self, value: Value) -> Result<(), Refused> {
        if self.stack.len() >= STACK_LIMIT {
            return Err(refused("it holds too many values"));
        }
        self.stack.push(value);
        Ok(())
    }

    fn push_text(&mut self, text: Text) -> Result<(), Refused> {
        self.push(Value::Text(Rc::new(text)))
    }

    /// Pushes a text that follows its length.
    fn counted(
        &mut self,
        width: usize,
        text: fn(&[u8]) -> Result<Text, &'static str>,
    ) -> Result<(), Refused> {
        let length = self.number(width)?;
        let length = usize::try_from(length).map_err(|_| refused("it is cut short"))?;
        let text = text(self.take(length)?).map_err(refused)?;
        self.push_text(text)
    }

    fn put(&mut self, width: Option<usize>) -> Result<(), Refused> {
        let number = self.reference(width)?;
        let text = match self.stack.last() {
            Some(Value::Text(text)) => Some(Rc::clone(text)),
            Some(Value::Dict(_)) => None,
            Some(Value::Mark) | None => return Err(refused("it saves a value that is not there")),
        };
        if self.memo.len() >= MEMO_LIMIT || self.memo.insert(number, text).is_some() {
            return Err(refused("it saves a value too often"));
        }
        Ok(())
    }

    fn get(&mut self, width: Option<usize>) -> Result<(), Refused> {
        let number = self.reference(width)?;
        match self.memo.get(&number) {
            Some(Some(text)) => self.push(Value::Text(Rc::clone(text))),
            Some(None) => Err(refused("its dict refers to itself")),
            None => Err(refused("it refers to a value that it does not hold")),
        }
    }

    /// Replaces the values after the last mark with a dict of them.
    fn dict_of_entries(&mut self) -> Result<(), Refused> {
        let entries = self.entries()?;
        let mut dict = Dict::new();
        add(&mut dict, entries)?;
        self.push(Value::Dict(dict))
    }

    /// Adds the values after the last mark to the dict before the mark.
    fn set_items(&mut self) -> Result<(), Refused> {
        let entries = self.entries()?;
        self.add_to_dict(entries)
    }

    /// Adds the last two values to the dict before them.
    fn set_item(&mut self) -> Result<(), Refused> {
        let start = self.stack.len().checked_sub(2);
        let start = start.ok_or_else(|| refused("an entry is incomplete"))?;
        let entries = self.stack.split_off(start);
        self.add_to_dict(entries)
    }

    fn add_to_dict(&mut self, entries: Vec<Value>) -> Result<(), Refused> {
        match self.stack.last_mut() {
            Some(Value::Dict(dict)) => add(dict, entries),
            _ => Err(refused("an entry belongs to no dict")),
        }
    }

    /// Removes the values after the last mark, and the mark.
    fn entries(&mut self) -> Result<Vec<Value>, Refused> {
        let mark = self
            .stack
            .iter()
            .rposition(|value| matches!(value, Value::Mark));
        let mark = mark.ok_or_else(|| refused("a list of entries has no beginning"))?;
        let entries = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(entries)
    }
}

/// Adds names and values, which alternate.
fn add(dict: &mut Dict, entries: Vec<Value>) -> Result<(), Refused> {
    let mut entries = entries.into_iter();
    while let Some(name) = entries.next() {
        let (Value::Text(name), Some(Value::Text(value))) = (name, entries.next()) else {
            return Err(refused("an entry is not a text with a name"));
        };
        let name = name.as_str().filter(|name| name.is_ascii());
        let name = name.ok_or_else(|| refused("the name of an entry is not ASCII"))?;
        if dict.len() >= STACK_LIMIT || dict.insert(name.to_owned(), value).is_some() {
            return Err(refused("it has an entry twice, or too many entries"));
        }
    }
    Ok(())
}

fn refused(why: impl Into<String>) -> Refused {
    Refused(why.into())
}

/// Refuses an instruction that Python 2 does not write for a dict of texts.
fn unknown(code: u8, at: usize) -> Refused {
    // GLOBAL, INST, OBJ, REDUCE, BUILD, PERSID, BINPERSID, NEWOBJ, EXT1, EXT2, EXT4, NEWOBJ_EX, STACK_GLOBAL
    let can_run = b"cioRbPQ\x81\x82\x83\x84\x92\x93".contains(&code);
    let what = match can_run {
        true => "an instruction that can run code",
        false => "an instruction that the scripts do not write",
    };
    refused(format!("it holds {what}, at byte {at}"))
}
