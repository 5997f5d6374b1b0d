//! Texts for people that may quote foreign input: errors, and lines of the log.
//!
//! A control character rewrites the terminal line that it is printed on, and a character that
//! changes the writing direction makes a text look like another. So a text of this type contains
//! neither: `\n` and `\u{202e}` are written as escapes. Errors accept no other type, whatever they
//! quote.

use std::fmt;
use std::ops::Deref;

use serde::{Serialize, Serializer};

use crate::names::is_invisible;

/// A text of bounded length in which every character is visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafeText(String);

/// The default maximum size in bytes. A caller's member may have a name of 256 KiB: together with
/// its message, a dead letter would not fit into its item.
const MAX_BYTES: usize = 500;

impl SafeText {
    /// A text of at most `most` bytes, plus an ellipsis if it was cut.
    #[must_use]
    pub fn bounded(text: &str, most: usize) -> Self {
        let mut safe = String::new();
        for c in text.chars() {
            let before = safe.len();
            if is_invisible(c) {
                safe.extend(c.escape_default());
            } else {
                safe.push(c);
            }
            if safe.len() > most {
                safe.truncate(before);
                safe.push('\u{2026}');
                break;
            }
        }
        Self(safe)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SafeText {
    fn from(text: &str) -> Self {
        Self::bounded(text, MAX_BYTES)
    }
}

impl From<String> for SafeText {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<SafeText> for String {
    fn from(text: SafeText) -> Self {
        text.0
    }
}

impl Deref for SafeText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for SafeText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl PartialEq<str> for SafeText {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for SafeText {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        for (text, safe) in [
            ("S\u{f6}hne \"1\" \u{1f468}", "S\u{f6}hne \"1\" \u{1f468}"),
            ("a\nb\r\t", "a\\nb\\r\\t"),
            ("\0\u{1b}[2J\u{7f}", "\\u{0}\\u{1b}[2J\\u{7f}"),
            ("\u{85}\u{9b}", "\\u{85}\\u{9b}"),
            (
                "\u{202e}\u{2066}\u{200b}\u{2028}",
                "\\u{202e}\\u{2066}\\u{200b}\\u{2028}",
            ),
        ] {
            assert_eq!(SafeText::from(text), safe);
        }
    }

    #[test]
    fn a_cut_is_told_and_leaves_no_half_of_anything() {
        assert_eq!(SafeText::bounded("four", 4), "four");
        assert_eq!(SafeText::bounded("\u{e9}\u{e9}", 3), "\u{e9}\u{2026}");
        assert_eq!(SafeText::bounded("a\u{202e}", 8), "a\u{2026}");
        assert_eq!(SafeText::bounded("a\u{202e}", 9), "a\\u{202e}");
    }

    proptest! {
        #[test]
        fn no_text_holds_what_cannot_be_seen_nor_too_much(text in any::<String>(), most in 0usize..100) {
            let safe = SafeText::bounded(&text, most);
            prop_assert!(!safe.chars().any(is_invisible));
            let longest = most + '\u{2026}'.len_utf8();
            prop_assert!(safe.len() <= longest);
            prop_assert_eq!(SafeText::bounded(&safe, 1000), safe.clone());
        }
    }
}
