//! The document as it is sent: compressed for whoever takes that, and not at all to whoever has it.
//!
//! It is a hundred kilobytes that anybody may ask for without a key, and bytes that leave AWS are
//! billed. Compressed once for each process, on the first request, it is a tenth of that.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
use miniz_oxide::deflate::compress_to_vec;

/// How hard zlib's algorithm tries, of 10: its usual.
const LEVEL: u8 = 6;

/// A text with all that can be said of it in advance.
pub(super) struct Served {
    pub(super) text: String,
    pub(super) gzip: Vec<u8>,
    /// A weak one: it stands for both forms.
    pub(super) etag: String,
}

impl Served {
    pub(super) fn new(text: String) -> Self {
        let checksum = crc32(text.as_bytes());
        Self {
            gzip: gzip(text.as_bytes(), checksum),
            etag: format!("W/\"{checksum:08x}-{:x}\"", text.len()),
            text,
        }
    }

    /// Whether the caller has it: `If-None-Match` compares weakly (RFC 9110, 13.1.2).
    pub(super) fn is_known(&self, headers: &HeaderMap) -> bool {
        let own = self.etag.trim_start_matches("W/");
        values(headers, IF_NONE_MATCH).any(|tag| tag == "*" || tag.trim_start_matches("W/") == own)
    }
}

/// Whether the caller takes gzip: named, or as one of any, and not with the weight 0 (RFC 9110,
/// 12.5.3).
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let weight = |wanted: &str| {
        values(headers, ACCEPT_ENCODING).find_map(|value| {
            let (coding, parameters) = value.split_once(';').unwrap_or((value, ""));
            let weight = parameters.trim().strip_prefix("q=");
            coding
                .trim()
                .eq_ignore_ascii_case(wanted)
                .then(|| weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
        })
    };
    weight("gzip").or_else(|| weight("*")).unwrap_or(0.0) > 0.0
}

/// The parts of a header that is a list, whether in one line or in several.
fn values(headers: &HeaderMap, name: axum::http::HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// RFC 1952: a header without a name or a time, deflate, checksum and length.
fn gzip(bytes: &[u8], checksum: u32) -> Vec<u8> {
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let length = u32::try_from(bytes.len() % (1 << 32)).unwrap_or_default();
    let mut out = HEADER.to_vec();
    out.extend(compress_to_vec(bytes, LEVEL));
    out.extend(checksum.to_le_bytes());
    out.extend(length.to_le_bytes());
    out
}

/// As gzip has it. Bit by bit: it is done once.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn with(name: axum::http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_checksum_is_the_one_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn gzip_is_sent_to_whoever_takes_it_and_to_nobody_else() {
        for (value, takes) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("deflate,gzip ; q=1.0", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip;q=0, *", false),
            ("*;q=0", false),
            ("br", false),
            ("", false),
            ("gzip;q=x", false),
        ] {
            assert_eq!(takes_gzip(&with(ACCEPT_ENCODING, value)), takes, "{value}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn who_has_it_is_known_by_its_tag() {
        let served = Served::new("{}".to_owned());
        let tag = served.etag.clone();
        let strong = tag.trim_start_matches("W/").to_owned();
        for value in [tag.clone(), strong, format!("\"x\", {tag}"), "*".to_owned()] {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, value.parse().unwrap())]);
            assert!(served.is_known(&headers), "{value}");
        }
        assert!(!served.is_known(&with(IF_NONE_MATCH, "\"x\"")));
        assert!(!served.is_known(&HeaderMap::new()));
        assert_ne!(tag, Served::new("[]".to_owned()).etag);
    }
}
