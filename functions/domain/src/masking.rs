//! Hides a webhook's secrets in what a receiver answered: some receivers echo the request, credentials included.
//!
//! A text gives a secret away where it repeats [`WINDOW`] bytes of it, wherever in the secret they are. So the masking knows every such window of every
//! secret, looks for all of them in the text as it came, unites what it finds, and replaces each united stretch once. Neither the order of the secrets, nor
//! one secret inside another, nor a place where the receiver or Postel cut the text can then leave more than `WINDOW - 1` bytes of a secret in one piece.
//!
//! The text is read as it is, with percent-encoding and JSON escapes undone, and with both undone. Whatever else a receiver does to a secret before it
//! sends it back (base64, HTML, capitals) is not recognised.

use zeroize::Zeroizing;

/// Bytes of a secret that are not shown in one piece. A secret that has fewer is not looked for: it would hide half of an answer.
const WINDOW: usize = 8;

/// What a reader sees in place of a secret.
const MASK: &str = "***";

/// Headers whose values are no secrets, although the tenant chose them: standard ones that say what the sender likes. Hiding `application/json` in every
/// answer would hide what went wrong. All other headers of the tenant's may carry a credential, whatever their name.
const HARMLESS: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-language",
    "cache-control",
    "content-disposition",
    "content-language",
    "date",
    "dnt",
    "from",
    "origin",
    "pragma",
    "prefer",
    "priority",
    "referer",
    "x-requested-with",
];

/// Schemes of `Authorization` that precede the credentials (IANA's registry, and those that vendors made up). A receiver's `Bearer token expired` stays.
const SCHEMES: &[&str] = &[
    "apikey",
    "api-key",
    "basic",
    "bearer",
    "dpop",
    "key",
    "negotiate",
    "oauth",
    "token",
];

/// The part of an own header's value that is a secret, if any is.
#[must_use]
pub(crate) fn secret_of<'a>(name: &str, value: &'a str) -> Option<&'a str> {
    let is = |text: &str, known: &[&str]| known.iter().any(|one| text.eq_ignore_ascii_case(one));
    if is(name, HARMLESS) {
        return None;
    }
    match value.split_once(' ') {
        Some((scheme, credentials)) if is(scheme, SCHEMES) => Some(credentials),
        _ => Some(value),
    }
}

/// Every window of a webhook's secrets.
pub(crate) struct Masking {
    /// Sorted. The bytes of each, as one number.
    windows: Zeroizing<Vec<u64>>,
}

impl Masking {
    /// Hides these secrets.
    pub(crate) fn of<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        let mut windows = Zeroizing::new(Vec::new());
        for secret in secrets {
            windows.extend(secret.as_bytes().windows(WINDOW).map(number));
        }
        windows.sort_unstable();
        windows.dedup();
        Self { windows }
    }

    /// The text with [`MASK`] for each stretch of secrets. Never longer than it was.
    pub(crate) fn hide(&self, text: &mut String) {
        let mut masked = String::with_capacity(text.len());
        let mut shown = 0;
        for (start, end) in self.stretches(text) {
            masked.push_str(text.get(shown..start).unwrap_or_default());
            masked.push_str(MASK);
            shown = end;
        }
        if shown > 0 {
            masked.push_str(text.get(shown..).unwrap_or_default());
            *text = masked;
        }
    }

    /// Where secrets are, in order, and none touching the next one.
    fn stretches(&self, text: &str) -> Vec<(usize, usize)> {
        if self.windows.is_empty() || text.len() < WINDOW {
            return vec![];
        }
        let plain = as_it_is(text);
        let unescaped = undo(&plain, json_escape);
        let mut found = self.found_in(&plain);
        for base in [Some(&plain), unescaped.as_ref()].into_iter().flatten() {
            for view in [undo(base, percent_escape), undo(base, form_escape)] {
                found.extend(view.iter().flat_map(|view| self.found_in(view)));
            }
        }
        found.extend(unescaped.iter().flat_map(|view| self.found_in(view)));
        found.sort_unstable();
        let mut united: Vec<(usize, usize)> = Vec::new();
        for (start, end) in found {
            // A secret's bytes may be the end of one character and the start of the next.
            let (start, end) = (
                text.floor_char_boundary(start),
                text.ceil_char_boundary(end),
            );
            match united.last_mut() {
                Some((_, last)) if start <= *last => *last = end.max(*last),
                _ => united.push((start, end)),
            }
        }
        united
    }

    /// Where the windows are in the text that a view is of.
    fn found_in(&self, view: &[Read]) -> Vec<(usize, usize)> {
        let mut latest = 0_u64;
        let mut ends = view.iter();
        for read in ends.by_ref().take(WINDOW - 1) {
            latest = latest << 8 | u64::from(read.byte);
        }
        let mut found = Vec::new();
        for (first, last) in view.iter().zip(ends) {
            latest = latest << 8 | u64::from(last.byte);
            if self.windows.binary_search(&latest).is_ok() {
                found.push((first.start, last.end));
            }
        }
        found
    }
}

fn number(window: &[u8]) -> u64 {
    let push = |number, byte: &u8| number << 8 | u64::from(*byte);
    window.iter().fold(0, push)
}

/// A byte as a reader of the text would understand it, and where in the text it was written.
#[derive(Clone, Copy)]
struct Read {
    byte: u8,
    start: usize,
    end: usize,
}

fn as_it_is(text: &str) -> Vec<Read> {
    let read = |(start, byte)| Read {
        byte,
        start,
        end: start + 1,
    };
    text.bytes().enumerate().map(read).collect()
}

/// What an escape at the start of a text means: bytes, of which the first so many count, and the length of the escape.
type Meaning = ([u8; 4], usize, usize);

/// The view with its escapes undone, or none if it has no escape.
fn undo(view: &[Read], escape: impl Fn(&[Read]) -> Option<Meaning>) -> Option<Vec<Read>> {
    let mut undone = Vec::with_capacity(view.len());
    let (mut rest, mut any) = (view, false);
    while let Some((first, after)) = rest.split_first() {
        let meaning = escape(rest);
        let Some((bytes, count, length)) = meaning else {
            undone.push(*first);
            rest = after;
            continue;
        };
        any = true;
        let (escaped, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        let end = escaped.last().map_or(first.end, |last| last.end);
        undone.extend(bytes.iter().take(count).map(|byte| Read {
            byte: *byte,
            start: first.start,
            end,
        }));
        rest = after;
    }
    any.then_some(undone)
}

fn hex(digits: &[Read]) -> Option<u32> {
    digits.iter().try_fold(0, |number, read| {
        let digit = char::from(read.byte).to_digit(16)?;
        Some(number << 4 | digit)
    })
}

/// `%2F` (RFC 3986, 2.1).
fn percent_escape(at: &[Read]) -> Option<Meaning> {
    if at.first()?.byte != b'%' {
        return None;
    }
    let byte = u8::try_from(hex(at.get(1..3)?)?).ok()?;
    Some(([byte, 0, 0, 0], 1, 3))
}

/// The same, and `+` for a space, as forms write it.
fn form_escape(at: &[Read]) -> Option<Meaning> {
    match at.first()?.byte {
        b'+' => Some(([b' ', 0, 0, 0], 1, 1)),
        _ => percent_escape(at),
    }
}

/// `\/`, `\n`, `\u00fc`, `\ud83d\ude00` (RFC 8259, 7).
fn json_escape(at: &[Read]) -> Option<Meaning> {
    if at.first()?.byte != b'\\' {
        return None;
    }
    let (meant, length) = match at.get(1)?.byte {
        plain @ (b'"' | b'\\' | b'/') => (char::from(plain), 2),
        b'b' => ('\u{8}', 2),
        b'f' => ('\u{c}', 2),
        b'n' => ('\n', 2),
        b'r' => ('\r', 2),
        b't' => ('\t', 2),
        b'u' => unicode_escape(at)?,
        _ => return None,
    };
    let mut bytes = [0; 4];
    let count = meant.encode_utf8(&mut bytes).len();
    Some((bytes, count, length))
}

fn unicode_escape(at: &[Read]) -> Option<(char, usize)> {
    let unit = |from: usize| {
        let is_escape = at.get(from)?.byte == b'\\' && at.get(from + 1)?.byte == b'u';
        is_escape
            .then(|| hex(at.get(from + 2..from + 6)?))
            .flatten()
    };
    let first = unit(0)?;
    match char::from_u32(first) {
        Some(character) => Some((character, 6)),
        None => {
            let second = unit(6).filter(|unit| (0xdc00..0xe000).contains(unit))?;
            let number = 0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff);
            Some((char::from_u32(number)?, 12))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    fn hidden(secrets: &[&str], text: &str) -> String {
        let mut text = text.to_owned();
        Masking::of(secrets.iter().copied()).hide(&mut text);
        text
    }

    #[test]
    fn each_secret_is_replaced_once_whatever_their_order() {
        let secrets = ["acme-2026", "acme-2026-signing-0123456789"];
        let echo = "acme-2026 and acme-2026-signing-0123456789";
        assert_eq!(hidden(&secrets, echo), "*** and ***");
        let reversed = [secrets[1], secrets[0]];
        assert_eq!(hidden(&reversed, echo), "*** and ***");
    }

    #[test]
    fn a_guessed_part_of_a_secret_does_not_show_the_rest() {
        let token = "Bearer sk_live_VERYSECRETTOKEN1234567890";
        let secret = secret_of("authorization", token).unwrap();
        for guess in ["Bearer s", "sk_live_", "7890, a:", "Bearer sk_live_V"] {
            let echo = format!("authorization: {token}, a: {guess}");
            let masked = hidden(&[guess, secret], &echo);
            assert!(
                !masked.contains("SECRET") && !masked.contains("7890"),
                "{masked}"
            );
        }
        let basic = "Basic c3ZjLWFjbWU6aHVudGVyMi12ZXJ5LWxvbmc=";
        let secret = secret_of("authorization", basic).unwrap();
        assert_eq!(hidden(&["Basic c3ZjLWFjbWU6", secret], basic), "***");
    }

    #[test]
    fn secrets_that_overlap_in_the_text_are_one_stretch() {
        assert_eq!(
            hidden(&["abcdefghij", "ghijklmnop"], "<abcdefghijklmnop>"),
            "<***>"
        );
        assert_eq!(
            hidden(&["abcdefgh", "ijklmnop"], "<abcdefghijklmnop>"),
            "<***>"
        );
    }

    #[test]
    fn a_secret_that_was_cut_shows_fewer_than_eight_bytes() {
        let secret = "0123456789abcdefghijklmnopqrstuvwxyz";
        for cut in 0..=secret.len() {
            let masked = hidden(&[secret], &format!("you sent {}", &secret[..cut]));
            let expected = if cut < WINDOW { &secret[..cut] } else { MASK };
            assert_eq!(masked, format!("you sent {expected}"));
        }
    }

    #[test]
    fn what_is_shorter_than_eight_bytes_stays() {
        assert_eq!(hidden(&["short12", ""], "short12"), "short12");
        assert_eq!(hidden(&[], "nothing to hide"), "nothing to hide");
    }

    #[test]
    fn escapes_hide_no_secret() {
        let secret = r#"p@ss/w"ö&r+d \€1😀"#;
        for echo in [
            "p%40ss%2Fw%22%C3%B6%26r%2Bd%20%5C%E2%82%AC1%F0%9F%98%80",
            "p%40ss%2fw%22%c3%b6%26r%2bd+%5c%e2%82%ac1%f0%9f%98%80",
            r#"p@ss/w\"ö&r+d \\€1😀"#,
            r#"p@ss\/w\"\u00f6&r+d \\\u20ac1\ud83d\uDE00"#,
            r#"p%40ss\/w\u002522%C3%B6%26r%2Bd%20%5C%E2%82%AC1%F0%9F%98%80"#,
        ] {
            let masked = hidden(&[secret], &format!("<{echo}>"));
            assert_eq!(masked, "<***>", "{echo}");
        }
        // An escape that ends in nothing is no escape.
        for text in ["100%", "%zz%4", r"\", r"\u12", r"\ud83d alone", r"\x41"] {
            assert_eq!(hidden(&[secret], text), text);
        }
    }

    #[test]
    fn a_stretch_ends_between_characters() {
        // Both have the windows' bytes in the middle of other characters.
        let secret = "\u{3a9}\u{3a9}\u{3a9}\u{3a9}\u{3a9}";
        let beginning_alike = "x\u{3a9}\u{3a9}\u{3a9}\u{3a9}\u{3aa}y";
        assert_eq!(hidden(&[secret], beginning_alike), "x***y");
        let ending_alike = "x\u{4e9}\u{3a9}\u{3a9}\u{3a9}\u{3a9}y";
        assert_eq!(hidden(&[secret], ending_alike), "x***y");
    }

    #[test]
    fn a_header_is_a_secret_unless_its_name_says_that_it_is_none() {
        for (name, value, secret) in [
            ("Accept", "application/json", None),
            ("cache-control", "no-cache", None),
            ("X-Tenant", "acme-2026", Some("acme-2026")),
            ("Cookie", "session=1; b=2", Some("session=1; b=2")),
            ("Authorization", "Bearer a.b.c", Some("a.b.c")),
            ("X-Api-Key", "token abc", Some("abc")),
            ("X-Api-Key", "correct horse", Some("correct horse")),
        ] {
            assert_eq!(secret_of(name, value), secret, "{name}: {value}");
        }
    }

    /// Few letters, so that secrets overlap, and what encodings treat in their own way. No asterisk: a mask would join what never stood together.
    fn secrets() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec("[ab/+ %\"\\\\\u{fc}0]{0,24}", 1..4)
    }

    fn percent(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    fn json(text: &str) -> String {
        let quoted = serde_json::to_string(text).unwrap();
        quoted[1..quoted.len() - 1].replace('/', "\\/")
    }

    fn ascii_json(text: &str) -> String {
        text.encode_utf16()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect()
    }

    /// The plainest search that there is.
    fn shows(secrets: &[String], text: &[u8]) -> bool {
        let mut windows = secrets
            .iter()
            .flat_map(|secret| secret.as_bytes().windows(WINDOW));
        windows.any(|window| text.windows(WINDOW).any(|part| part == window))
    }

    proptest! {
        #[test]
        fn no_eight_bytes_of_a_secret_survive(
            secrets in secrets(),
            echoes in prop::collection::vec((any::<Index>(), 0..4_u8, "[xyab ]{0,9}", any::<Index>()), 1..5),
            cut in any::<Index>(),
        ) {
            let mut text = String::new();
            for (which, form, between, from) in echoes {
                let secret = which.get(&secrets);
                let from = secret.floor_char_boundary(from.index(secret.len() + 1));
                let part = &secret[from..];
                text += &match form {
                    0 => part.to_owned(),
                    1 => percent(part),
                    2 => json(part),
                    _ => ascii_json(part),
                };
                text += &between;
            }
            text.truncate(text.floor_char_boundary(cut.index(text.len() + 1)));
            let before = text.clone();
            Masking::of(secrets.iter().map(String::as_str)).hide(&mut text);
            prop_assert!(text.len() <= before.len());
            let plain = as_it_is(&text);
            let views = [Some(plain.clone()), undo(&plain, percent_escape), undo(&plain, json_escape)];
            for view in views.into_iter().flatten() {
                let bytes: Vec<u8> = view.iter().map(|read| read.byte).collect();
                prop_assert!(!shows(&secrets, &bytes), "{before:?} became {text:?}");
            }
        }

        #[test]
        fn a_text_without_secrets_is_unchanged(secrets in prop::collection::vec("[a-f]{0,40}", 0..4), text in "[g-z%\\\\u0-57-9+\u{fc}]{0,200}") {
            let masked = hidden(&secrets.iter().map(String::as_str).collect::<Vec<_>>(), &text);
            prop_assert_eq!(masked, text);
        }
    }
}
