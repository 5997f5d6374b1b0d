//! Which headers a tenant may add to its deliveries.
//!
//! Refused is what frames the message, what goes to the next hop only, what says who sends or how to verify, and what
//! addresses AWS. `Authorization` is allowed: receivers that want a bearer token get it here, and the value is kept like a
//! secret. Whoever has both this header and basic credentials is refused where the webhook is put together.

use std::fmt;

/// Bytes of all custom headers of a webhook together: names, values and four for each line's colon, space and end.
pub const MAX_HEADER_BYTES: usize = 4096;

/// Framing and hop-by-hop headers (RFC 9110 section 7.6.1, RFC 9112), then what Postel itself states. `Accept-Encoding`: answers are not
/// decompressed, so asking for compression would log noise.
const RESERVED: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "http2-settings",
    "te",
    "trailer",
    "expect",
    "content-type",
    "content-encoding",
    "accept-encoding",
    "user-agent",
];

/// Proxies; the Standard Webhooks signature; Postel's own; AWS's signature and tokens.
const RESERVED_PREFIXES: &[&str] = &["proxy-", "webhook-", "postel-", "x-amz"];

/// What every delivery carries so that no delivery becomes a call of a Postel's API, through whatever name or proxy it comes there: that API
/// refuses a request that has it. A webhook that published events, tried out webhooks or put back dead letters would otherwise feed itself, or
/// two deployments each other. The value is the number of Postels that the event has been through, which is therefore always 1.
pub const HOP_HEADER: (&str, &str) = ("postel-hop", "1");

/// Why custom headers are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeaderDenied {
    /// The name is not a token (RFC 9110 section 5.1).
    Name,
    /// The name belongs to HTTP, to Postel or to AWS.
    Reserved,
    /// The value has a byte that a header cannot carry unchanged.
    Value,
    /// The same name twice, in whatever case.
    Duplicate,
    /// All together are over [`MAX_HEADER_BYTES`].
    TooLarge,
}

impl HeaderDenied {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Name => "header_name",
            Self::Reserved => "header_reserved",
            Self::Value => "header_value",
            Self::Duplicate => "header_duplicate",
            Self::TooLarge => "headers_too_large",
        }
    }
}

impl fmt::Display for HeaderDenied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "The header name is not valid; use letters, digits and hyphens.",
            Self::Reserved => "The header is set by HTTP, by Postel or by AWS; use another name.",
            Self::Value => {
                "The header value is not valid; use printable ASCII without spaces at its ends."
            }
            Self::Duplicate => "The header is given twice; give each name once.",
            Self::TooLarge => "The headers are too large; use at most 4096 bytes in all.",
        })
    }
}

impl std::error::Error for HeaderDenied {}

/// Accepts one custom header.
///
/// The value must arrive as it was written, so spaces at its ends (which HTTP drops) and bytes above ASCII (which
/// receivers decode as they like) are refused with CR, LF and NUL.
///
/// # Errors
/// What is wrong with the name, before what is wrong with the value.
pub fn judge_header(name: &str, value: &str) -> Result<(), HeaderDenied> {
    if name.is_empty() || !name.bytes().all(is_token_byte) {
        return Err(HeaderDenied::Name);
    }
    let lower = name.to_ascii_lowercase();
    if RESERVED.contains(&lower.as_str())
        || RESERVED_PREFIXES
            .iter()
            .any(|prefix| lower.starts_with(prefix))
    {
        return Err(HeaderDenied::Reserved);
    }
    let trimmed = value.trim_matches([' ', '\t']).len() == value.len();
    if !trimmed
        || !value
            .bytes()
            .all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
    {
        return Err(HeaderDenied::Value);
    }
    Ok(())
}

/// Accepts all custom headers of one webhook.
///
/// # Errors
/// The first reason against one of them, or against all together.
pub fn judge_headers<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), HeaderDenied> {
    let mut seen: Vec<&str> = Vec::new();
    let mut bytes = 0_usize;
    for (name, value) in headers {
        // Counted first: a caller that sends too much does not get all of it compared.
        bytes = bytes
            .saturating_add(name.len())
            .saturating_add(value.len())
            .saturating_add(4);
        if bytes > MAX_HEADER_BYTES {
            return Err(HeaderDenied::TooLarge);
        }
        judge_header(name, value)?;
        if seen.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            return Err(HeaderDenied::Duplicate);
        }
        seen.push(name);
    }
    Ok(())
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_http_postel_and_aws_are_refused_in_any_case() {
        for name in [
            "Host",
            "CONTENT-LENGTH",
            "Transfer-Encoding",
            "connection",
            "Upgrade",
            "TE",
            "Trailer",
            "Expect",
            "Keep-Alive",
            "Proxy-Authorization",
            "proxy-connection",
            "webhook-id",
            "Webhook-Signature",
            "Postel-Hop",
            "X-Amz-Date",
            "x-amzn-trace-id",
            "User-Agent",
            "Content-Type",
        ] {
            assert_eq!(
                judge_header(name, "x"),
                Err(HeaderDenied::Reserved),
                "{name}"
            );
        }
        for name in [
            "Authorization",
            "X-Api-Key",
            "Cookie",
            "X-Tenant",
            "hosted",
            "tea",
        ] {
            assert_eq!(judge_header(name, "Bearer abc.def"), Ok(()), "{name}");
        }
    }

    #[test]
    fn only_tokens_are_names_and_only_unchangeable_text_is_a_value() {
        for name in ["", "a b", "a:b", "a\r\nb", "caf\u{e9}", "a(b)", "a\0"] {
            assert_eq!(judge_header(name, "x"), Err(HeaderDenied::Name), "{name:?}");
        }
        for value in [
            "a\r\nX-Evil: 1",
            "a\n",
            "a\0b",
            "\u{7f}",
            "caf\u{e9}",
            " a",
            "a ",
            "\ta",
        ] {
            assert_eq!(
                judge_header("x-a", value),
                Err(HeaderDenied::Value),
                "{value:?}"
            );
        }
        for value in ["", "a b", "a\tb", "~!\"#"] {
            assert_eq!(judge_header("x-a", value), Ok(()), "{value:?}");
        }
    }

    #[test]
    fn all_headers_together_have_a_size_and_no_name_twice() {
        let value = "v".repeat(MAX_HEADER_BYTES - 5);
        assert_eq!(judge_headers([("a", value.as_str())]), Ok(()));
        assert_eq!(
            judge_headers([("a", value.as_str()), ("b", "")]),
            Err(HeaderDenied::TooLarge)
        );
        assert_eq!(
            judge_headers([("X-A", "1"), ("x-a", "2")]),
            Err(HeaderDenied::Duplicate)
        );
        assert_eq!(
            judge_headers([("X-A", "1"), ("host", "2")]),
            Err(HeaderDenied::Reserved)
        );
    }

    #[test]
    fn every_reason_has_a_code_of_its_own() {
        use HeaderDenied::{Duplicate, Name, Reserved, TooLarge, Value};
        let codes = [Name, Reserved, Value, Duplicate, TooLarge].map(HeaderDenied::code);
        let expected = [
            "header_name",
            "header_reserved",
            "header_value",
            "header_duplicate",
        ];
        assert_eq!(codes[..4], expected);
        assert_eq!(codes[4], "headers_too_large");
    }
}
