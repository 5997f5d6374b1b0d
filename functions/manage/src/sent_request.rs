//! The request of an attempt as callers see it.

use domain::contract::Contract;
use domain::delivery::{Attempt, Delivery};
use domain::event::Event;
use domain::sent_request::{SentRequest, joined_headers};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// The user agent of the running version: an attempt made by an older one named itself so.
pub(crate) const USER_AGENT: &str = concat!("Postel/", env!("CARGO_PKG_VERSION"));

/// A request as it was sent.
#[derive(Serialize, ToSchema)]
#[schema(as = SentRequest)]
pub(crate) struct Request {
    #[schema(examples("POST"))]
    method: &'static str,
    /// Where it went.
    url: String,
    /// In the order of sending; the webhook's own as `***`. Several values of one name are joined
    /// with a comma and a space, in their order.
    #[schema(value_type = BTreeMap<String, String>)]
    headers: Headers,
    /// The exact bytes if they are UTF-8; absent after the event was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    body: Option<String>,
}

/// Headers by name: see [`joined_headers`].
#[derive(Debug, PartialEq)]
pub(crate) struct Headers(Vec<(String, String)>);

impl Headers {
    pub(crate) fn of(pairs: impl Iterator<Item = (String, String)>) -> Self {
        Self(joined_headers(pairs))
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The request of an attempt.
pub(crate) fn request(
    contract: &Contract,
    event: &Event,
    delivery: &Delivery,
    attempt: &Attempt,
) -> Request {
    let sent = SentRequest::of(contract, event, delivery, attempt, USER_AGENT);
    Request {
        method: "POST",
        url: sent.url,
        headers: Headers(sent.headers),
        body: sent.body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_values_of_a_header_are_shown_in_their_order() {
        let pairs = [
            ("www-authenticate", "Negotiate"),
            ("via", "1.1 a"),
            ("WWW-Authenticate", "NTLM"),
            ("www-authenticate", r#"Basic realm="x""#),
        ];
        let shown = Headers::of(
            pairs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        assert_eq!(
            serde_json::to_string(&shown).unwrap(),
            r#"{"www-authenticate":"Negotiate, NTLM, Basic realm=\"x\"","via":"1.1 a"}"#
        );
    }
}
