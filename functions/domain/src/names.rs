//! Names and descriptions: texts for people, shown in lists, logs and pages.
//!
//! A control character can rewrite the line of a terminal that it is printed on; a character that turns the direction of writing makes a name read as
//! another one (`U+202E`). Neither belongs into a name.

use crate::rejection::{Code, Rejection};

/// The most characters of a name.
pub const MAX_NAME_CHARS: usize = 256;
/// The most characters of a description.
pub const MAX_DESCRIPTION_CHARS: usize = 1024;

/// Checks a name: one line.
///
/// # Errors
/// `invalid_name` for a character, `invalid_request` for the length.
pub fn check_name(field: &str, text: &str) -> Result<(), Rejection> {
    check(field, text, MAX_NAME_CHARS, &[])
}

/// Checks a description, which may have several lines.
///
/// # Errors
/// The same.
pub fn check_description(field: &str, text: &str) -> Result<(), Rejection> {
    check(field, text, MAX_DESCRIPTION_CHARS, &['\n', '\r', '\t'])
}

fn check(field: &str, text: &str, most: usize, allowed: &[char]) -> Result<(), Rejection> {
    let wrong = |code, detail: String| Err(Rejection::new(code, detail).field(field));
    if text.chars().count() > most {
        let detail = format!("`{field}` has at most {most} characters.");
        return wrong(Code::InvalidRequest, detail);
    }
    match text
        .chars()
        .find(|c| is_invisible(*c) && !allowed.contains(c))
    {
        None => Ok(()),
        Some(found) => {
            let detail = format!(
                "`{field}` holds U+{:04X}. Control characters and those that turn the direction of writing are not allowed.",
                u32::from(found)
            );
            wrong(Code::InvalidName, detail)
        }
    }
}

/// Control characters, line and paragraph separators, what sets the direction of writing (Unicode's `Bidi_Control`), and the byte order mark. Not the
/// joiners, which emoji and some scripts are made with.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{061c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_shows_what_it_is() {
        for c in "\0\u{1b}\n\u{7f}\u{85}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}".chars() {
            let rejection = check_name("name", &format!("a{c}b")).unwrap_err();
            assert_eq!(rejection.code, Code::InvalidName, "{c:?}");
            assert_eq!(rejection.field.as_deref(), Some("name"));
            let code = format!("U+{:04X}", u32::from(c));
            assert!(rejection.detail.contains(&code), "{}", rejection.detail);
        }
        for right in [
            "",
            "Acme & S\u{f6}hne <1>",
            "\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
            "\u{1f468}\u{200d}\u{1f469}",
            "\u{3042}",
        ] {
            assert_eq!(check_name("name", right), Ok(()), "{right}");
        }
    }

    #[test]
    fn a_description_may_have_lines() {
        assert_eq!(check_description("description", "one\n\ttwo\r\n"), Ok(()));
        assert!(check_name("name", "one\ntwo").is_err());
        assert!(check_description("description", "\u{1b}[2J").is_err());
    }

    #[test]
    fn length_counts_characters() {
        assert_eq!(check_name("name", &"\u{e9}".repeat(MAX_NAME_CHARS)), Ok(()));
        assert!(check_name("name", &"x".repeat(MAX_NAME_CHARS + 1)).is_err());
    }
}
