//! Why a command ends without success: its exit code, what is wrong and what to do.

use std::fmt;

use domain::safe_text::SafeText;
use serde_json::{Value, json};

/// How a command ends. docs/cli.md lists the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// The API refused it, or what was asked about is not so.
    Refused = 1,
    /// The command line, a file or an answer to a question cannot be used.
    Usage = 2,
    /// What the command names does not exist.
    NotFound = 3,
    /// No answer, or Postel cannot answer now: repeat it later.
    Unavailable = 4,
    /// The key is wrong, or may not do this.
    Key = 5,
    /// Ctrl-C, or a job that is left running or was stopped.
    Interrupted = 130,
}

/// What a person and a program are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// The API's stable code, or one of the command line's own.
    pub(crate) code: String,
    pub(crate) detail: String,
    /// What to do.
    pub(crate) hint: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) status: Option<u16>,
    /// The receiver of the output has gone: nothing is said.
    pub(crate) is_silent: bool,
}

pub(crate) type Done = Result<Exit, Failure>;

impl Failure {
    pub(crate) fn new(exit: Exit, code: &str, detail: impl Into<String>) -> Self {
        Self {
            exit,
            code: code.to_owned(),
            detail: detail.into(),
            hint: None,
            request_id: None,
            status: None,
            is_silent: false,
        }
    }

    pub(crate) fn usage(detail: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", detail)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// For programs, on one line.
    pub(crate) fn to_json(&self) -> Value {
        json!({"error": {
            "code": self.code,
            "detail": self.detail,
            "exit": self.exit as u8,
            "hint": self.hint,
            "requestId": self.request_id,
            "status": self.status,
        }})
    }
}

/// The longest text of an error that is printed.
const MAX_BYTES: usize = 2000;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| SafeText::bounded(text, MAX_BYTES);
        write!(f, "{} ({}", shown(&self.detail), shown(&self.code))?;
        if let Some(id) = &self.request_id {
            write!(f, ", request {}", shown(id))?;
        }
        f.write_str(")")?;
        if let Some(hint) = &self.hint {
            for line in hint.lines() {
                write!(f, "\n  {}", shown(line))?;
            }
        }
        Ok(())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let mut failure = Self::new(Exit::Usage, "io", error.to_string());
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            // `postel … | head` has what it asked for.
            failure.exit = Exit::Done;
            failure.is_silent = true;
        }
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_is_wrong_and_what_to_do_and_moves_no_cursor() {
        let mut failure =
            Failure::new(Exit::Key, "invalid_key", "no \u{1b}[2J such key").hint("log in\nagain");
        failure.request_id = Some("r1".to_owned());
        assert_eq!(
            failure.to_string(),
            "no \\u{1b}[2J such key (invalid_key, request r1)\n  log in\n  again"
        );
        assert_eq!(failure.to_json()["error"]["exit"], 5);
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        let failure = Failure::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert!(failure.is_silent && failure.exit == Exit::Done);
    }
}
