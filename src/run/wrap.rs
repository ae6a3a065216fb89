//! Fits texts into the width of a terminal. A text for a file or a pipe stays as it is.

use dialoguer::console::Term;
use textwrap::{Options, WordSplitter};

/// A narrower terminal does not say how wide it is.
const NARROWEST: usize = 20;
/// A space inside of a command, which is not a place to break a line.
const FIXED: &str = "\u{a0}";

/// Returns the width of a terminal, or `None` if the stream does not lead to one.
pub fn columns_of(stream: &Term) -> Option<usize> {
    let (_, columns) = stream.size_checked()?;
    Some(usize::from(columns)).filter(|columns| *columns >= NARROWEST)
}

/// Returns the text in lines of at most `columns`. A word and a command between backticks stay whole. The
/// further lines of a paragraph are indented two columns more than its first.
pub fn fill(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else {
        return text.to_owned();
    };
    let lines = text.split('\n').map(|line| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let deeper = " ".repeat(indent + 2);
        let options = Options::new(columns)
            .subsequent_indent(&deeper)
            .word_splitter(WordSplitter::NoHyphenation)
            .break_words(false);
        let fixed = line
            .split('`')
            .enumerate()
            .map(|(number, part)| match number % 2 {
                0 => part.to_owned(),
                _ => part.replace(' ', FIXED),
            });
        let fixed = fixed.collect::<Vec<_>>().join("`");
        let filled = textwrap::fill(&fixed, options);
        let filled = filled.lines().map(|line| continued(line, columns, &deeper));
        filled.collect::<Vec<_>>().join("\n").replace(FIXED, " ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Breaks a line with a command that is too wide before its switches, so that a shell of Unix reads one command.
fn continued(line: &str, columns: usize, indent: &str) -> String {
    if cfg!(windows) || line.chars().count() <= columns {
        return line.to_owned();
    }
    let switch = format!("{FIXED}--");
    line.replace(&switch, &format!(" \\\n{indent}  --"))
}

/// Returns a command of these words, indented. If it is wider than the terminal, a shell of Unix reads it
/// as one command in several lines.
pub fn command(words: &[String], columns: Option<usize>) -> String {
    const BREAK: &str = " \\\n    ";
    let whole = format!("  {}", words.join(" "));
    let Some(columns) = columns.filter(|columns| cfg!(unix) && whole.len() > *columns) else {
        return whole;
    };
    let (mut text, mut used) = (format!("  {}", words.first().map_or("", String::as_str)), 0);
    used += text.len();
    for word in words.iter().skip(1) {
        // two columns for the sign that continues the command
        if used + 1 + word.len() + 2 > columns {
            text += BREAK;
            used = 4;
        } else {
            text.push(' ');
            used += 1;
        }
        text += word;
        used += word.len();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_broken_between_words_and_not_inside_of_a_command() {
        for (text, columns, expected) in [
            ("one two three", None, "one two three"),
            ("one two three", Some(8), "one two\n  three"),
            ("  one two-three", Some(8), "  one\n    two-three"),
            ("a `b c d e` f", Some(8), "a\n  `b c d e`\n  f"),
            ("one\ntwo", Some(8), "one\ntwo"),
            ("", Some(8), ""),
        ] {
            assert_eq!(fill(text, columns), expected);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_wide_command_is_one_command_in_several_lines() {
        let words = ["sudo", "-u", "mimecast", "/bin/program"].map(str::to_owned);
        assert_eq!(
            fill("run `/bin/x --config /y/z`", Some(16)),
            "run\n  `/bin/x \\\n    --config /y/z`"
        );
        assert_eq!(command(&words, None), "  sudo -u mimecast /bin/program");
        assert_eq!(
            command(&words, Some(24)),
            "  sudo -u mimecast \\\n    /bin/program"
        );
    }
}
