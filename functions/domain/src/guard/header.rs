//! Which headers a tenant may add to its deliveries.
//!
//! Rejects headers that control message framing, hop-by-hop headers, headers that name the sender,
//! the route, the host or the signature, and headers that address a cloud's metadata service.
//! `Authorization` is allowed: receivers that require a bearer token get it here, and the value is
//! stored like a secret. A webhook with both this header and basic credentials is rejected when it
//! is created or updated.

use std::collections::BTreeSet;
use std::fmt;

/// The maximum number of a webhook's own headers: each value is decrypted separately.
pub const MAX_HEADERS: usize = 32;
/// The maximum size of all of a webhook's own headers together, in bytes: names, values and four
/// for each line's colon, space and end.
pub const MAX_HEADER_BYTES: usize = 4096;

/// Each as [`folded`]. Framing and hop-by-hop headers (RFC 9110 section 7.6.1, RFC 9112), then
/// headers that Postel itself sets. `Accept-Encoding`: responses are not decompressed, so
/// compressed responses would be unreadable in the log. Then headers that a server behind a proxy
/// trusts: the request's route, path, method, origin and user; `Proxy` becomes a CGI program's
/// `HTTP_PROXY`. `Set-Cookie` is a response header. Last, headers that a cloud's metadata service
/// requires.
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
    "content-range",
    "content-transfer-encoding",
    "accept-encoding",
    "user-agent",
    "date",
    "early-data",
    "forwarded",
    "via",
    "proxy",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-azure-clientip",
    "client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "fly-client-ip",
    "fastly-client-ip",
    "remote-user",
    "x-remote-user",
    "x-host",
    "x-original-host",
    "x-scheme",
    "front-end-https",
    "set-cookie",
    "cookie2",
    "x-original-url",
    "x-original-method",
    "x-rewrite-url",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "metadata",
    "metadata-flavor",
];

/// Proxies, and their headers for the logged-in user or the client certificate; the Standard
/// Webhooks signature; Postel's own; AWS's signature and tokens, its metadata service and its
/// Lambda; other clouds' metadata.
const RESERVED_PREFIXES: &[&str] = &[
    "proxy-",
    "x-forwarded",
    "x-envoy-",
    "x-auth-request-",
    "x-client-cert",
    "ssl-client-",
    "x-ssl-client-",
    "x-ms-client-principal",
    "webhook-",
    "postel-",
    "x-amz",
    "x-aws-ec2-metadata",
    "lambda-runtime-",
    "x-google-metadata",
    "x-aliyun-ecs-metadata",
];

/// Every delivery carries this header, and Postel's API rejects every request that has it, so no
/// delivery becomes a call of a Postel API, whatever name or proxy it goes through. Otherwise a
/// webhook that published events, tested webhooks or redrove dead letters could feed itself, or two
/// deployments each other. The value is the number of Postel deployments that the event has passed,
/// so it is always 1.
pub const HOP_HEADER: (&str, &str) = ("postel-hop", "1");

/// Why custom headers are rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeaderDenyReason {
    /// The name is not a token (RFC 9110 section 5.1).
    Name,
    /// The name is reserved for HTTP, Postel, proxies or a cloud.
    Reserved,
    /// The value has a byte that a header cannot carry unchanged.
    Value,
    /// Receivers may take the two names for one.
    Duplicate,
    /// There are more than [`MAX_HEADERS`].
    TooMany,
    /// All together exceed [`MAX_HEADER_BYTES`].
    TooLarge,
}

/// A rejected header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedHeader {
    /// Its name, as given.
    pub name: String,
    /// Why.
    pub why: HeaderDenyReason,
}

impl fmt::Display for DeniedHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Quoted(&self.name);
        match self.why {
            HeaderDenyReason::Name => write!(
                f,
                "The header name {name} is not valid; use letters, digits and hyphens."
            ),
            HeaderDenyReason::Reserved => write!(
                f,
                "The header {name} is set by HTTP, by Postel, by a proxy or by a cloud; use another name."
            ),
            HeaderDenyReason::Value => write!(
                f,
                "The value of the header {name} is not valid; use printable ASCII without spaces at its ends."
            ),
            HeaderDenyReason::Duplicate => write!(
                f,
                "The header {name} is given twice, since upper and lower case are alike, and so are _ and -; give each name once."
            ),
            HeaderDenyReason::TooMany => write!(
                f,
                "The header {name} is one too many; use at most {MAX_HEADERS} headers."
            ),
            HeaderDenyReason::TooLarge => write!(
                f,
                "With the header {name} the headers are too large; use at most {MAX_HEADER_BYTES} bytes in all, counting names, values and 4 bytes for each header."
            ),
        }
    }
}

impl std::error::Error for DeniedHeader {}

/// A header's name in a sentence: in quotes, unusual characters escaped, and cut.
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MAX_CHARS: usize = 64;
        let end = self.0.char_indices().nth(MAX_CHARS);
        match end.and_then(|(at, _)| self.0.get(..at)) {
            Some(cut) => write!(f, "{:?}", format!("{cut}…")),
            None => write!(f, "{:?}", self.0),
        }
    }
}

/// A name as receivers may see it after CGI's conversion or a similar one (RFC 3875 section 4.1.18;
/// WSGI, Rack, PHP): all characters other than letters and digits are equal, and so are upper and
/// lower case. Two headers whose folded names are equal are one header.
#[must_use]
pub fn folded(name: &str) -> String {
    let fold = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    name.chars().map(fold).collect()
}

/// Checks one custom header.
///
/// The value must arrive unchanged. So spaces at its ends (which HTTP drops) and bytes above ASCII
/// (which receivers decode differently) are rejected along with CR, LF and NUL.
///
/// # Errors
/// What is wrong with the name, before what is wrong with the value.
pub fn check_header(name: &str, value: &str) -> Result<(), HeaderDenyReason> {
    if !is_token(name) {
        return Err(HeaderDenyReason::Name);
    }
    let folded = folded(name);
    if RESERVED.contains(&folded.as_str())
        || RESERVED_PREFIXES
            .iter()
            .any(|prefix| folded.starts_with(prefix))
    {
        return Err(HeaderDenyReason::Reserved);
    }
    let trimmed = value.trim_matches([' ', '\t']).len() == value.len();
    if !trimmed
        || !value
            .bytes()
            .all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
    {
        return Err(HeaderDenyReason::Value);
    }
    Ok(())
}

/// Checks the number and total size of headers, given their names and the sizes of their values;
/// each header has been checked by itself.
///
/// # Errors
/// The first header that exceeds a limit.
pub fn check_header_set<'a>(
    headers: impl IntoIterator<Item = (&'a str, usize)>,
) -> Result<(), DeniedHeader> {
    let (mut seen, mut bytes) = (BTreeSet::new(), 0_usize);
    for (name, value_bytes) in headers {
        bytes = bytes
            .saturating_add(name.len())
            .saturating_add(value_bytes)
            .saturating_add(4);
        let deny = |why| {
            let name = name.to_owned();
            Err(DeniedHeader { name, why })
        };
        // Limits first: headers beyond them are not compared with each other.
        if bytes > MAX_HEADER_BYTES {
            return deny(HeaderDenyReason::TooLarge);
        }
        if !seen.insert(folded(name)) {
            return deny(HeaderDenyReason::Duplicate);
        }
        if seen.len() > MAX_HEADERS {
            return deny(HeaderDenyReason::TooMany);
        }
    }
    Ok(())
}

/// Checks all custom headers of one request.
///
/// # Errors
/// The first header that exceeds a limit, or else the first one that is wrong.
pub fn check_headers<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a str)> + Clone,
) -> Result<(), DeniedHeader> {
    check_header_set(headers.clone().into_iter().map(|(n, v)| (n, v.len())))?;
    for (name, value) in headers {
        check_header(name, value).map_err(|why| DeniedHeader {
            name: name.to_owned(),
            why,
        })?;
    }
    Ok(())
}

/// Whether a text is a token (RFC 9110 section 5.6.2), as the name of a header must be.
#[must_use]
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
