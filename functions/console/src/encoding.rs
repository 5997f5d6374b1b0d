//! Which of a file's encodings the caller can read. The HTTP API does not compress.

use lambda_http::http::HeaderMap;
use lambda_http::http::header::ACCEPT_ENCODING;

use crate::files::File;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    /// The smallest that is accepted. Plain bytes, for a caller who accepts neither.
    pub(crate) fn choose(headers: &HeaderMap, file: &File) -> (Option<Self>, &'static [u8]) {
        let made = [(Self::Brotli, file.brotli), (Self::Gzip, file.gzip)];
        made.into_iter()
            .filter_map(|(encoding, bytes)| Some((encoding, bytes?)))
            .find(|(encoding, _)| accepts(headers, encoding.name()))
            .map_or((None, file.plain), |(encoding, bytes)| {
                (Some(encoding), bytes)
            })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// Of the entity tag: each encoding has other bytes.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => "-br",
            Self::Gzip => "-gz",
        }
    }
}

/// RFC 9110, 12.5.3: a name with a weight, or `*` for the names that are not listed. Without the
/// header, plain bytes are the safe answer.
fn accepts(headers: &HeaderMap, name: &str) -> bool {
    let listed: Vec<(&str, bool)> = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|one| {
            let mut parts = one.split(';').map(str::trim);
            let coding = parts.next().unwrap_or_default();
            let weight =
                parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            (
                coding,
                weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0)),
            )
        })
        .collect();
    let of = |wanted: &str| {
        listed
            .iter()
            .find(|(coding, _)| coding.eq_ignore_ascii_case(wanted))
            .map(|(_, accepted)| *accepted)
    };
    of(name).or_else(|| of("*")).unwrap_or(false)
}
