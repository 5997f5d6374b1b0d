//! Names and descriptions: texts for people in lists, logs and pages.
//!
//! A control character can rewrite the terminal line that it is printed on; a character that
//! changes the writing direction makes one name look like another (`U+202E`), and a zero-width
//! character (`U+200B`) makes two names look equal. None of them is allowed in a name.

use crate::rejection::{Code, Rejection};

/// The maximum length of a name, in characters.
pub const MAX_NAME_CHARS: usize = 256;
/// The maximum length of a description, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 1024;

/// Checks a name: one line.
///
/// # Errors
/// `invalid_name`.
pub fn check_name(field: &str, text: &str) -> Result<(), Rejection> {
    check(field, text, MAX_NAME_CHARS, &[])
}

/// Checks a description, which may have several lines, and the joiners that some scripts need: a
/// description does not identify anything.
///
/// # Errors
/// As [`check_name`].
pub fn check_description(field: &str, text: &str) -> Result<(), Rejection> {
    check(
        field,
        text,
        MAX_DESCRIPTION_CHARS,
        &['\n', '\r', '\t', '\u{200c}', '\u{200d}'],
    )
}

fn check(field: &str, text: &str, most: usize, allowed: &[char]) -> Result<(), Rejection> {
    let wrong = |detail: String| Err(Rejection::new(Code::InvalidName, detail).field(field));
    if text.chars().count() > most {
        let detail = format!("`{field}` has at most {most} characters.");
        return wrong(detail);
    }
    match text
        .chars()
        .find(|c| is_invisible(*c) && !allowed.contains(c))
    {
        None => Ok(()),
        Some(found) => {
            let detail = format!(
                "`{field}` holds U+{:04X}. Invisible characters are not allowed: control characters, direction marks, zero-width characters.",
                u32::from(found)
            );
            wrong(detail)
        }
    }
}

/// Control characters, line and paragraph separators, format characters (Unicode 16's category
/// `Cf`: direction marks, zero-width characters, tags and others), and the Hangul fillers, which
/// are letters without a shape. The joiners are included: they make two names look equal, and emoji
/// and scripts that use them stay readable without them.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{890}'..='\u{891}'
                | '\u{8e2}'
                | '\u{115f}'..='\u{1160}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{110bd}'
                | '\u{110cd}'
                | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::strategy::{Strategy as _, ValueTree as _};
    use proptest::test_runner::TestRunner;

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
            "\u{1f468}\u{1f3fd} \u{2764}\u{fe0f}",
            "\u{3042}",
        ] {
            assert_eq!(check_name("name", right), Ok(()), "{right}");
        }
    }

    #[test]
    fn a_name_holds_nothing_that_nobody_sees() {
        let ranges = [0x200b..=0x200f, 0x2060..=0x2064, 0xe0000..=0xe007f];
        let single = [0xad, 0x115f, 0x1160, 0x3164, 0xffa0, 0xfeff, 0x180e, 0x61c];
        for c in ranges
            .into_iter()
            .flatten()
            .chain(single)
            .filter_map(char::from_u32)
        {
            assert!(check_name("name", &format!("Acme{c}")).is_err(), "{c:?}");
            let is_joiner = matches!(c, '\u{200c}' | '\u{200d}');
            let description = check_description("description", &c.to_string());
            assert_eq!(description.is_ok(), is_joiner, "{c:?}");
        }
    }

    #[test]
    fn no_format_character_of_unicode_16_is_in_a_name() {
        let one = proptest::string::string_regex(r"\p{Cf}").unwrap();
        let mut runner = TestRunner::deterministic();
        let drawn: BTreeSet<String> = (0..20_000)
            .map(|_| one.new_tree(&mut runner).unwrap().current())
            .collect();
        assert!(drawn.len() >= 170, "all of them: {}", drawn.len());
        for c in drawn {
            assert!(check_name("name", &c).is_err(), "{c:?}");
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
