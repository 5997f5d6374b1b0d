//! What a command prints: tables and lines for people, JSON for programs, colours on terminals.
//!
//! Texts of strangers (names, URLs, responses) reach a terminal with every invisible character
//! written as an escape: a control character could otherwise rewrite what was printed before.

mod fields;
mod table;
mod wrap;

use std::io::{self, IsTerminal as _, Write as _};

use domain::safe_text::SafeText;
use serde_json::Value;

pub(crate) use fields::fields;
pub(crate) use table::{Column, cell, column, table, text};
pub(crate) use wrap::wrapped;

use crate::failure::Failure;

/// The longest text that is printed of one value: more than any list has.
const MAX_TEXT: usize = 1024 * 1024;

/// Standard output, for people or for programs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) json: bool,
    pub(crate) colours: bool,
}

/// A meaning that has a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Good,
    Bad,
    Waiting,
    Faint,
    Plain,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            json,
            colours: io::stdout().is_terminal() && !json && !set("NO_COLOR") && !is_dumb,
        }
    }

    /// One line.
    pub(crate) fn line(self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")?;
        Ok(out.flush()?)
    }

    /// A value for programs, on one line or on several.
    pub(crate) fn json(self, value: &Value) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
        self.line(&visible_json(&text))
    }

    /// A value for programs, on one line.
    pub(crate) fn json_line(self, value: &Value) -> Result<(), Failure> {
        self.line(&visible_json(&value.to_string()))
    }

    /// A text in its colour.
    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Good => "32",
            Paint::Bad => "31",
            Paint::Waiting => "33",
            Paint::Faint => "2",
            Paint::Plain => return text.to_owned(),
        };
        match self.colours {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    /// An object for people, or as JSON.
    pub(crate) fn object(self, value: &Value) -> Result<(), Failure> {
        match self.json {
            true => self.json(value),
            false => self.line(&fields(value)),
        }
    }

    /// What was done, in a sentence; as JSON the object itself.
    pub(crate) fn done(self, sentence: &str, value: &Value) -> Result<(), Failure> {
        match self.json {
            true => self.json(value),
            false => self.line(&shown(sentence)),
        }
    }
}

/// Something beside the result, on standard error.
pub(crate) fn note(text: &str) {
    // Nobody can be told that standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{}", shown(text));
}

/// A text of strangers as it may be printed: on one line, every character visible.
pub(crate) fn shown(text: &str) -> String {
    SafeText::bounded(text, MAX_TEXT).into()
}

/// The same over several lines: line breaks and tabs stay.
pub(crate) fn shown_lines(text: &str) -> String {
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| {
            line.trim_end_matches('\r')
                .split('\t')
                .map(shown)
                .collect::<Vec<_>>()
                .join("\t")
        })
        .collect();
    lines.join("\n")
}

/// JSON of the same meaning in which every character is visible: serde_json escapes control
/// characters below U+0020 only.
pub(crate) fn visible_json(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut units = [0; 2];
    for c in text.chars() {
        let is_visible = c == '\n' || shown(c.encode_utf8(&mut [0; 4])).chars().eq([c]);
        match is_visible {
            true => written.push(c),
            false => c
                .encode_utf16(&mut units)
                .iter()
                .for_each(|unit| written.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    written
}

/// The meaning of a status of the API.
pub(crate) fn paint_of(status: &str) -> Paint {
    match status {
        "completed" | "active" | "delivered" | "true" | "genuine" | "processed" => Paint::Good,
        "failed" | "disabled" | "failing" | "exhausted" | "gone" | "cancelled" => Paint::Bad,
        "retrying" | "pending" | "processing" | "slow" | "due" | "running" | "held" => {
            Paint::Waiting
        }
        "inactive" | "not_wanted" => Paint::Faint,
        _ => Paint::Plain,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_keeps_its_meaning_and_has_no_invisible_character() {
        let value = json!({"name": "a\u{9b}2J\u{202e}\u{e0041}\u{1b}\u{7f}", "n": [1, "\u{e9}\n"]});
        let text = visible_json(&value.to_string());
        assert!(
            text.contains(r"a\u009b2J\u202e\udb40\udc41\u001b\u007f") && text.contains('\u{e9}'),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn a_text_of_strangers_stays_on_its_line() {
        assert_eq!(shown("a\n\u{1b}[31mb"), "a\\n\\u{1b}[31mb");
        assert_eq!(shown_lines("a\tb\r\n\u{1b}c\n"), "a\tb\n\\u{1b}c\n");
    }

    #[test]
    fn colours_are_left_out_where_nobody_sees_them() {
        let out = |colours| Output {
            json: false,
            colours,
        };
        assert_eq!(out(false).paint(Paint::Bad, "failed"), "failed");
        assert_eq!(
            out(true).paint(Paint::Bad, "failed"),
            "\u{1b}[31mfailed\u{1b}[0m"
        );
        assert_eq!(out(true).paint(paint_of("anything new"), "x"), "x");
    }
}
