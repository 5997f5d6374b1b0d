//! The lines of a file or of standard input, each an event.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::thread;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tokio::sync::mpsc::{Receiver, channel};

use crate::failure::Failure;

/// More than an event may have: the API says so itself up to here.
const MAX_LINE: usize = 1024 * 1024;
/// How many lines are read ahead.
const AHEAD: usize = 500;

/// One line of the input.
#[derive(Debug)]
pub(super) struct Line {
    /// From 1.
    pub(super) number: u64,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    /// An event with an id.
    Event(Box<RawValue>),
    /// Not what can be sent: the rest of the input is not read.
    Wrong(String),
}

/// Reads in a thread of its own: a pipe that is silent must not keep Ctrl-C from working.
pub(super) fn read(name: &str, run: &str) -> Result<Receiver<Line>, Failure> {
    let cannot = |error: io::Error| Failure::usage(format!("{name} cannot be read: {error}."));
    let source: Box<dyn BufRead + Send> = match name {
        "-" => Box::new(BufReader::new(io::stdin())),
        name => {
            let file = File::open(name).map_err(cannot)?;
            match whole(name, file.metadata().map_err(cannot)?.len()) {
                Some(event) => Box::new(io::Cursor::new(event)),
                None => Box::new(BufReader::new(file)),
            }
        }
    };
    let run = run.to_owned();
    let (sender, receiver) = channel(AHEAD);
    thread::spawn(move || {
        each(source, |number, text| {
            let content = event(text, &run, number);
            let goes_on = matches!(content, Content::Event(_));
            sender.blocking_send(Line { number, content }).is_ok() && goes_on
        });
    });
    Ok(receiver)
}

/// A file that is one JSON object, over however many lines, on one line.
fn whole(name: &str, length: u64) -> Option<Vec<u8>> {
    if length > MAX_LINE as u64 {
        return None;
    }
    let text = std::fs::read_to_string(name).ok()?;
    serde_json::from_str::<BTreeMap<String, IgnoredAny>>(&text).ok()?;
    // Between tokens only: JSON has no line break within a text.
    Some(text.replace(['\n', '\r'], " ").into_bytes())
}

/// Gives each line that is not empty to `take`, until it says no.
fn each(mut source: impl BufRead, mut take: impl FnMut(u64, Result<&[u8], String>) -> bool) {
    let (mut number, mut line) = (0, Vec::new());
    loop {
        line.clear();
        number += 1;
        let limit = MAX_LINE as u64 + 1;
        let goes_on = match source.by_ref().take(limit).read_until(b'\n', &mut line) {
            Ok(0) => return,
            Ok(_) if line.trim_ascii().is_empty() => true,
            Ok(length) if length as u64 == limit && line.last() != Some(&b'\n') => {
                take(number, Err("it is longer than 1 MiB".to_owned()))
            }
            Ok(_) => take(number, Ok(line.trim_ascii())),
            Err(error) => {
                take(number, Err(error.to_string()));
                false
            }
        };
        if !goes_on {
            return;
        }
    }
}

/// The event of a line, byte for byte, with an id if it has none.
fn event(line: Result<&[u8], String>, run: &str, number: u64) -> Content {
    let parsed = line
        .and_then(|line| std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned()))
        .and_then(|text| {
            let members: BTreeMap<String, IgnoredAny> =
                serde_json::from_str(text).map_err(|error| match error.is_eof() {
                    true => "it ends in the middle of its JSON: the file is cut off".to_owned(),
                    false => format!("it is no JSON object ({error})"),
                })?;
            let has_id = members.contains_key("id");
            let separator = if members.is_empty() { "" } else { "," };
            let rest = text.strip_prefix('{').unwrap_or(text);
            let text = match has_id {
                true => text.to_owned(),
                false => format!("{{\"id\":\"{run}-{number}\"{separator}{rest}"),
            };
            RawValue::from_string(text).map_err(|error| error.to_string())
        });
    parsed.map_or_else(Content::Wrong, Content::Event)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(text: &str) -> Result<String, String> {
        match event(Ok(text.as_bytes()), "run", 7) {
            Content::Event(event) => Ok(event.get().to_owned()),
            Content::Wrong(why) => Err(why),
        }
    }

    #[test]
    fn an_event_keeps_its_bytes_and_gets_an_id_if_it_has_none() {
        for (line, event) in [
            (
                r#"{"type": "a", "data": 1.0}"#,
                r#"{"id":"run-7","type": "a", "data": 1.0}"#,
            ),
            (
                r#"{"data": {"id": 1}}"#,
                r#"{"id":"run-7","data": {"id": 1}}"#,
            ),
            (r#"{"id": "x", "n": 1e3}"#, r#"{"id": "x", "n": 1e3}"#),
            (r#"{"id": null}"#, r#"{"id": null}"#),
            ("{}", r#"{"id":"run-7"}"#),
        ] {
            assert_eq!(sent(line).unwrap(), event);
        }
    }

    #[test]
    fn half_a_line_is_told_from_a_wrong_one() {
        assert!(
            sent(r#"{"type": "a", "da"#)
                .unwrap_err()
                .contains("cut off")
        );
        assert!(sent(r#"["type"]"#).unwrap_err().contains("no JSON object"));
        assert!(sent("{} {}").unwrap_err().contains("no JSON object"));
        assert!(matches!(event(Ok(&[0xff]), "run", 1), Content::Wrong(_)));
    }

    #[test]
    fn empty_lines_count_and_the_last_needs_no_end() {
        let mut found = Vec::new();
        each(&b"{}\r\n\n  \n[1]\nlast"[..], |number, line| {
            found.push((number, String::from_utf8(line.unwrap().to_vec()).unwrap()));
            true
        });
        assert_eq!(
            found,
            [
                (1, "{}".to_owned()),
                (4, "[1]".to_owned()),
                (5, "last".to_owned())
            ]
        );
    }

    #[test]
    fn a_line_without_end_fills_no_memory() {
        let mut wrong = Vec::new();
        each(BufReader::new(io::repeat(b'x')), |number, line| {
            wrong.push((number, line.is_err()));
            false
        });
        assert_eq!(wrong, [(1, true)]);
    }
}
