//! The part of a receiver's response that is stored: the receiver decides how much it sends, not
//! how much is read.

use domain::outcome::{
    MAX_RECORDED_HEADER_BYTES, MAX_RECORDED_RESPONSE_BYTES, Outcome, READ_AHEAD_BYTES,
};
use reqwest::Response;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::collections::BTreeMap;

/// Headers that help to find out why a delivery failed. None that carries a credential: no cookies.
const KEPT: &[&str] = &[
    "content-type",
    "content-encoding",
    "retry-after",
    "location",
    "allow",
    "www-authenticate",
    "x-request-id",
    "x-correlation-id",
    "x-amzn-requestid",
    "cf-ray",
    "via",
];
const MAX_HEADERS: usize = 20;
/// How much is read. The domain decides how much of it is stored, after it has masked the secrets.
const MAX_READ_BYTES: usize = MAX_RECORDED_RESPONSE_BYTES + READ_AHEAD_BYTES;
const MAX_READ_HEADER_BYTES: usize = MAX_RECORDED_HEADER_BYTES + READ_AHEAD_BYTES;

/// Reads as much of the response as is needed, and closes the connection if there is more.
///
/// The status has arrived, so this is a response whatever happens to its body: a body that stalls
/// or breaks is `truncated`. If reading could fail, a receiver could turn its own 200 into a retry.
/// Test: a_status_counts_although_its_body_stalls.
pub(super) async fn read(mut response: Response) -> Outcome {
    let status = response.status().as_u16();
    let headers = kept(response.headers());
    let mut bytes = Vec::new();
    let truncated = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = MAX_READ_BYTES.saturating_sub(bytes.len());
                bytes.extend(chunk.iter().take(room));
                if chunk.len() > room {
                    break true;
                }
            }
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    let mut body = String::from_utf8_lossy(&bytes).into_owned();
    // A replacement character takes three bytes, so the text can be longer than the bytes that were
    // read.
    let grown = cut(&mut body, MAX_READ_BYTES);
    Outcome::Response {
        status,
        headers,
        body,
        truncated: truncated || grown,
    }
}

/// The outcome of a response that is at hand: what is kept of a receiver's response.
pub(crate) fn outcome_of(status: u16, headers: &BTreeMap<String, String>, body: &str) -> Outcome {
    let pairs = headers.iter().filter_map(|(name, value)| {
        let name = HeaderName::try_from(name).ok()?;
        Some((name, HeaderValue::try_from(value).ok()?))
    });
    let mut body = body.to_owned();
    let truncated = cut(&mut body, MAX_READ_BYTES);
    Outcome::Response {
        status,
        headers: kept(&pairs.collect()),
        body,
        truncated,
    }
}

fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let all = headers
        .iter()
        .filter(|(name, _)| KEPT.contains(&name.as_str()));
    all.take(MAX_HEADERS)
        .map(|(name, value)| {
            let mut value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            cut(&mut value, MAX_READ_HEADER_BYTES);
            (name.as_str().to_owned(), value)
        })
        .collect()
}

/// Cuts after the last character that fits; returns whether anything was cut.
fn cut(text: &mut String, max: usize) -> bool {
    let fits = text.len() <= max;
    text.truncate(text.floor_char_boundary(max));
    !fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_headers_are_kept_and_each_is_cut() {
        let mut headers = HeaderMap::new();
        headers.insert("set-cookie", HeaderValue::from_static("session=canary"));
        headers.insert("retry-after", HeaderValue::from_static("120"));
        headers.insert("location", HeaderValue::from_bytes(&[0xff; 9_000]).unwrap());
        for _ in 0..30 {
            headers.append(
                HeaderName::from_static("via"),
                HeaderValue::from_static("x"),
            );
        }
        let kept = kept(&headers);
        assert_eq!(kept.len(), MAX_HEADERS);
        assert!(kept.contains(&("retry-after".into(), "120".into())));
        assert!(
            kept.iter()
                .all(|(name, value)| name != "set-cookie" && value.len() <= MAX_READ_HEADER_BYTES)
        );
    }

    #[test]
    fn of_a_response_at_hand_the_same_is_kept() {
        let headers = [("Retry-After", "5"), ("Set-Cookie", "a"), ("X-Own", "b")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let expected = Outcome::Response {
            status: 503,
            headers: vec![("retry-after".to_owned(), "5".to_owned())],
            body: "later".to_owned(),
            truncated: false,
        };
        assert_eq!(outcome_of(503, &headers.into(), "later"), expected);
    }

    #[test]
    fn text_is_cut_between_characters() {
        let mut text = "a\u{e9}\u{e9}".to_owned();
        assert!(cut(&mut text, 4));
        assert_eq!(text, "a\u{e9}");
        assert!(!cut(&mut text, 3));
    }
}
