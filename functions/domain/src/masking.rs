//! Masks a webhook's secrets in a receiver's response: some receivers echo the request, credentials
//! included.
//!
//! Only a whole secret is masked. A person who controls the response and reads the log sees what
//! was masked: if a part of a secret were masked, they could guess the secret part by part.
//! Postel's own truncation must not leave a part of a secret either, so more is read than is
//! stored, and the text is cut last.
//!
//! All secrets are located in the received text, overlapping matches are merged, and each merged
//! range is replaced once. So neither the order of the secrets nor one secret inside another can
//! leave a part. The text is searched as it is, with percent-encoding decoded, with JSON escapes
//! decoded, and with both decoded. Other encodings of a secret (base64, HTML, capitals, a part of
//! it) are not recognised.

use zeroize::Zeroizing;

/// Shorter secrets are not searched for: they would mask half of a response.
const MIN_SECRET_BYTES: usize = 8;

/// The maximum number of bytes of an escape for one byte: `\u0041`.
const MAX_ESCAPED_BYTES: usize = 6;

/// The maximum number of searches of a text: once, and again after the matches are masked. A text
/// that was not built to attack the masking is done after the second search.
const MAX_READINGS: usize = 4;

/// What a reader sees in place of a secret.
pub const MASK: &str = "***";

/// Headers whose values are not secrets although the tenant chose them: standard headers that state
/// the sender's preferences. Masking `application/json` in every response would hide what went
/// wrong. All other headers of the tenant may carry a credential, whatever their name.
const HARMLESS: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-language",
    "cache-control",
    "content-disposition",
    "content-language",
    "dnt",
    "from",
    "origin",
    "pragma",
    "prefer",
    "priority",
    "referer",
    "x-requested-with",
];

/// Schemes of `Authorization` that precede the credentials (IANA's registry, and vendors' own). A
/// receiver's `Bearer token expired` stays readable.
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

/// The part of an own header's value that is a secret, if any.
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

/// A webhook's secrets.
pub(crate) struct Masking {
    /// Sorted. Zeroized when dropped.
    secrets: Zeroizing<Vec<Vec<u8>>>,
    /// For each secret, the index of the longest other secret that is a prefix of it.
    within: Vec<Option<usize>>,
    /// Whether a secret begins with this byte.
    begins: [bool; 256],
}

impl Masking {
    /// Masks these secrets.
    pub(crate) fn of<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        let long = secrets.filter(|secret| secret.len() >= MIN_SECRET_BYTES);
        let mut secrets: Vec<_> = long.map(|secret| secret.as_bytes().to_vec()).collect();
        secrets.sort_unstable();
        secrets.dedup();
        // In sorted order, the prefixes of a secret precede it, and so do their prefixes.
        let mut within: Vec<Option<usize>> = Vec::with_capacity(secrets.len());
        for (at, secret) in secrets.iter().enumerate() {
            let mut before = at.checked_sub(1);
            while let Some(other) = before {
                if secrets
                    .get(other)
                    .is_some_and(|other| secret.starts_with(other))
                {
                    break;
                }
                before = within.get(other).copied().flatten();
            }
            within.push(before);
        }
        let mut begins = [false; 256];
        for first in secrets.iter().filter_map(|secret| secret.first()) {
            if let Some(begins) = begins.get_mut(usize::from(*first)) {
                *begins = true;
            }
        }
        Self {
            secrets: Zeroizing::new(secrets),
            within,
            begins,
        }
    }

    /// The length of the longest secret that is a prefix of the text. Every such secret is a prefix
    /// of the last secret that does not sort after the text, or is that secret. So a few
    /// comparisons find it among any number of secrets with a common prefix, of which the tenant
    /// may have created many.
    fn match_at(&self, text: &[u8]) -> Option<usize> {
        let first = usize::from(*text.first()?);
        if !self.begins.get(first).is_some_and(|begins| *begins) {
            return None;
        }
        let behind = self
            .secrets
            .partition_point(|secret| secret.as_slice() <= text);
        let mut at = behind.checked_sub(1)?;
        let last = self.secrets.get(at)?;
        let alike = alike(last, text);
        loop {
            let length = self.secrets.get(at)?.len();
            if length <= alike {
                return Some(length);
            }
            at = self.within.get(at).copied().flatten()?;
        }
    }

    /// Replaces each range of secrets with [`MASK`] and keeps at most `max` bytes of the original
    /// text. Returns whether anything was cut. If the text is not `whole`, because no more was read
    /// or the response broke off, its end may be a part of a secret and is dropped. How much is
    /// dropped depends on the length of the secrets, not on the text at the end: otherwise a person
    /// who controls the response would learn whether they guessed a part.
    pub(crate) fn hide_and_cut(&self, text: &mut String, max: usize, whole: bool) -> bool {
        let longest = self.secrets.iter().map(Vec::len).max().unwrap_or_default();
        let unsure = (longest * MAX_ESCAPED_BYTES).saturating_sub(1);
        let sure = if whole {
            text.len()
        } else {
            text.len().saturating_sub(unsure)
        };
        let mut kept = text.floor_char_boundary(sure.min(max));
        let mut masked = String::with_capacity(kept);
        let mut shown = 0;
        for (start, end) in self.stretches(text) {
            if start + MASK.len() > kept {
                kept = kept.min(start);
                break;
            }
            masked.push_str(text.get(shown..start).unwrap_or_default());
            masked.push_str(MASK);
            shown = end;
        }
        masked.push_str(text.get(shown..kept).unwrap_or_default());
        let is_cut = kept < text.len();
        *text = masked;
        is_cut
    }

    /// The ranges of secrets, in order and not touching.
    fn stretches(&self, text: &str) -> Vec<(usize, usize)> {
        if self.secrets.is_empty() || text.len() < MIN_SECRET_BYTES {
            return vec![];
        }
        let mut seen = as_it_is(text);
        let mut united = Vec::new();
        for _ in 0..MAX_READINGS {
            let found = self.found_in_views(&seen);
            if found.is_empty() {
                return united;
            }
            united.extend(found);
            united = unite(united, text);
            // Masking a secret that ends in a backslash can change the meaning of what follows:
            // `\\` and `u002f` are now read as `\u002f`.
            seen = with_gaps(text, &united);
        }
        // Only a deliberate text reaches this point: each masked secret reveals the next one.
        // Nothing of it is kept.
        vec![(0, text.len())]
    }

    /// The ranges of the secrets in a text, in every decoding of it.
    fn found_in_views(&self, plain: &[Read]) -> Vec<(usize, usize)> {
        let unescaped = undo(plain, json_escape);
        let mut found = self.found_in(plain);
        for base in [Some(plain), unescaped.as_deref()].into_iter().flatten() {
            for view in [undo(base, percent_escape), undo(base, form_escape)] {
                found.extend(view.iter().flat_map(|view| self.found_in(view)));
            }
        }
        found.extend(unescaped.iter().flat_map(|view| self.found_in(view)));
        found
    }

    /// The ranges of the secrets in a view, as positions in the original text.
    fn found_in(&self, view: &[Read]) -> Vec<(usize, usize)> {
        let bytes: Zeroizing<Vec<u8>> = Zeroizing::new(view.iter().map(|read| read.byte).collect());
        let mut found: Vec<(usize, usize)> = Vec::new();
        for (at, first) in view.iter().enumerate() {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(longest) = self.match_at(rest) else {
                continue;
            };
            let Some(last) = view.get(at + longest - 1) else {
                break;
            };
            // Merged at once: a text of one repeated letter, and secrets of that letter, would
            // otherwise match at every position.
            match found.last_mut() {
                Some((_, end)) if first.start <= *end => *end = last.end.max(*end),
                _ => found.push((first.start, last.end)),
            }
        }
        found
    }
}

/// The length of the common prefix of two texts, compared in large steps first.
fn alike(one: &[u8], other: &[u8]) -> usize {
    const STEP: usize = 16;
    let steps = one.chunks_exact(STEP).zip(other.chunks_exact(STEP));
    let same = STEP * steps.take_while(|(one, other)| one == other).count();
    let (one, other) = (one.iter().skip(same), other.iter().skip(same));
    same + one
        .zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}

/// A byte as a reader of the text would decode it, and its position in the text.
#[derive(Clone, Copy)]
struct Read {
    byte: u8,
    start: usize,
    end: usize,
}

/// Ranges in order; those that touch or overlap become one.
fn unite(mut found: Vec<(usize, usize)>, text: &str) -> Vec<(usize, usize)> {
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

/// A byte that occurs in no text, and so in no secret.
const GAP: u8 = 0xff;

/// The text with one [`GAP`] for each range.
fn with_gaps(text: &str, stretches: &[(usize, usize)]) -> Vec<Read> {
    let mut seen = Vec::with_capacity(text.len());
    let mut gaps = stretches.iter().peekable();
    for read in as_it_is(text) {
        while gaps.next_if(|(_, end)| *end <= read.start).is_some() {}
        match gaps.peek() {
            Some((start, end)) if *start <= read.start => {
                if *start == read.start {
                    seen.push(Read {
                        byte: GAP,
                        start: *start,
                        end: *end,
                    });
                }
            }
            _ => seen.push(read),
        }
    }
    seen
}

fn as_it_is(text: &str) -> Vec<Read> {
    let read = |(start, byte)| Read {
        byte,
        start,
        end: start + 1,
    };
    text.bytes().enumerate().map(read).collect()
}

/// The meaning of an escape at the start of a text: bytes, how many of them count, and the length
/// of the escape.
type Meaning = ([u8; 4], usize, usize);

/// The view with its escapes decoded, or `None` if it has no escape.
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

/// The same, and `+` for a space, as HTML forms encode it.
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
mod tests;
