//! One HTTP request of a delivery and its outcome.
//!
//! A receiver's failure is data here, never an error: it is recorded, counted against the webhook
//! and retried.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::masking::Masking;

/// The maximum number of bytes of a response body that are stored.
pub const MAX_RECORDED_RESPONSE_BYTES: usize = 16 * 1024;

/// The maximum number of bytes of a response header that are stored.
pub const MAX_RECORDED_HEADER_BYTES: usize = 256;

/// This many more bytes of either are read, so that a secret across the cut is found whole and
/// masked.
pub const READ_AHEAD_BYTES: usize = 8 * 1024;

/// A signed request, ready to be sent once.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingRequest {
    /// The webhook's URL; the sender checks it again.
    pub url: String,
    /// Headers in the order of sending, with the names in the contract's spelling.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte as it was signed. Copies of the request share it: a batch may have
    /// 250 bodies of 256 KiB.
    pub body: Arc<[u8]>,
    /// From the start of DNS resolution to the last byte of the response.
    pub timeout: Duration,
}

/// Without values: headers carry credentials and signatures, the body a tenant's data.
impl fmt::Debug for OutgoingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("OutgoingRequest")
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The outcome of one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A status arrived. The contract decides whether it is a success.
    Response {
        /// The HTTP status.
        status: u16,
        /// The headers that are stored, names in lower case.
        headers: Vec<(String, String)>,
        /// The body as text, invalid UTF-8 replaced. At most [`MAX_RECORDED_RESPONSE_BYTES`], and
        /// [`READ_AHEAD_BYTES`] more until secrets are [redacted](Outcome::redacting).
        body: String,
        /// Whether the body was longer, or would have been.
        truncated: bool,
    },
    /// No status arrived.
    Failure {
        /// What went wrong.
        kind: FailureKind,
        /// A short text that may be shown to the tenant: a reason code of the guard, or a few
        /// words. No addresses.
        detail: String,
    },
}

impl Outcome {
    /// The outcome without the receiver's response except its status: the response may repeat the
    /// request.
    #[must_use]
    pub fn erased(self) -> Self {
        match self {
            Self::Response { status, .. } => Self::Response {
                status,
                headers: Vec::new(),
                body: String::new(),
                truncated: false,
            },
            failure @ Self::Failure { .. } => failure,
        }
    }

    /// The outcome as a sentence for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        let detail = match self {
            Self::Response { status, .. } => return format!("The receiver answered {status}."),
            Self::Failure {
                kind: FailureKind::AddressBlocked | FailureKind::InvalidUrl,
                detail,
            } => return format!("The URL or its address is blocked: {detail}."),
            Self::Failure { detail, .. } => detail.trim_end_matches('.'),
        };
        let mut characters = detail.chars();
        let first = characters.next().map(|first| first.to_ascii_uppercase());
        let rest = characters.as_str();
        first.map_or_else(String::new, |first| format!("{first}{rest}."))
    }

    /// The code of a failure; `None` for a response, which has a status.
    #[must_use]
    pub fn failure_code(&self) -> Option<&'static str> {
        match self {
            Self::Response { .. } => None,
            Self::Failure { kind, .. } => Some(kind.code()),
        }
    }

    /// A failure with its detail.
    pub fn failure(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self::Failure {
            kind,
            detail: detail.into(),
        }
    }

    /// How many bytes of text from the receiver are searched for secrets.
    #[must_use]
    pub fn said_bytes(&self) -> usize {
        match self {
            Self::Response { headers, body, .. } => {
                body.len() + headers.iter().map(|(_, value)| value.len()).sum::<usize>()
            }
            Self::Failure { .. } => 0,
        }
    }

    /// The outcome as it is stored: without these secrets, wherever the receiver sent them back,
    /// and then cut.
    #[must_use]
    pub fn redacting<'a>(mut self, secrets: impl Iterator<Item = &'a str>) -> Self {
        if let Self::Response {
            headers,
            body,
            truncated,
            ..
        } = &mut self
        {
            let masking = Masking::of(secrets);
            for (_, value) in headers {
                let read = MAX_RECORDED_HEADER_BYTES + READ_AHEAD_BYTES;
                let whole = value.len() < read;
                masking.hide_and_cut(value, MAX_RECORDED_HEADER_BYTES, whole);
            }
            let read = MAX_RECORDED_RESPONSE_BYTES + READ_AHEAD_BYTES;
            let whole = !*truncated && body.len() < read;
            *truncated |= masking.hide_and_cut(body, MAX_RECORDED_RESPONSE_BYTES, whole);
        }
        self
    }
}

/// Why no status arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The name does not resolve to a public address: no such name, no answer, or an internal
    /// address. Only Postel's own log tells which.
    Dns,
    /// No connection was established.
    Connect,
    /// The TLS handshake failed on either side.
    Tls,
    /// The connection ended before a status.
    Reset,
    /// No status arrived within the timeout.
    Timeout,
    /// The guard denied the URL's destination: an address, a host of Postel or of an internal
    /// network, a port. Final.
    AddressBlocked,
    /// The guard rejected the URL's spelling. Final.
    InvalidUrl,
    /// What arrived was not HTTP.
    Protocol,
    /// Nothing was sent: the contract signs, and the webhook has no secret that it can sign with.
    /// An unsigned delivery would be rejected, or trusted.
    Unsigned,
    /// Nothing was sent: a stored secret, password or header cannot be decrypted.
    Credentials,
}

impl FailureKind {
    /// Every kind, for exhaustive tests.
    pub const ALL: [Self; 10] = [
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Reset,
        Self::Timeout,
        Self::AddressBlocked,
        Self::InvalidUrl,
        Self::Protocol,
        Self::Unsigned,
        Self::Credentials,
    ];

    /// The stable code; the same text as in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::AddressBlocked => "address_blocked",
            Self::InvalidUrl => "invalid_url",
            Self::Protocol => "protocol",
            Self::Unsigned => "unsigned",
            Self::Credentials => "credentials",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_called_the_same_in_code_and_in_json() {
        for kind in FailureKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.code());
        }
    }

    #[test]
    fn an_outcome_survives_its_record() {
        let response = Outcome::Response {
            status: 200,
            headers: vec![("server".into(), "x".into())],
            body: "ok".into(),
            truncated: false,
        };
        for outcome in [
            response,
            Outcome::failure(FailureKind::AddressBlocked, "loopback"),
        ] {
            let json = serde_json::to_string(&outcome).unwrap();
            assert_eq!(serde_json::from_str::<Outcome>(&json).unwrap(), outcome);
        }
    }

    #[test]
    fn what_a_receiver_echoes_of_a_secret_is_not_kept() {
        let echo = Outcome::Response {
            status: 200,
            headers: vec![("location".into(), "/?token=password1".into())],
            body: "you sent Basic dTpwYXNzd29yZDE= for password1, short".into(),
            truncated: false,
        };
        let secrets = ["Basic dTpwYXNzd29yZDE=", "password1", "short", ""];
        let expected = Outcome::Response {
            status: 200,
            headers: vec![("location".into(), "/?token=***".into())],
            body: "you sent *** for ***, short".into(),
            truncated: false,
        };
        assert_eq!(echo.redacting(secrets.into_iter()), expected);
    }

    #[test]
    fn an_answer_that_breaks_off_within_a_secret_keeps_nothing_of_it() {
        let secret = "a-secret-of-24-characters";
        let said = "x".repeat(1000);
        for shown in 1..secret.len() {
            let broken = |body| Outcome::Response {
                status: 200,
                headers: Vec::new(),
                body,
                truncated: true,
            };
            let body = format!("{said}{}", &secret[..shown]);
            let Outcome::Response { body, .. } = broken(body).redacting([secret].into_iter())
            else {
                panic!("it was a response");
            };
            assert!(said.starts_with(&body), "{body}");
            assert!(body.len() > 800, "most of it is kept: {}", body.len());
        }
    }

    #[test]
    fn debug_shows_no_credentials_and_no_payload() {
        let request = OutgoingRequest {
            url: "https://example.com/canary".into(),
            headers: vec![("authorization".into(), "canary".into())],
            body: b"canary".to_vec().into(),
            timeout: Duration::from_secs(1),
        };
        assert!(!format!("{request:?}").contains("canary"));
    }
}
