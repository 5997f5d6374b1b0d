//! The exact request of an attempt, made again from what the log keeps, secrets masked.

use domain::contract::{Contract, SigningMoment};
use domain::delivery::{Attempt, Delivery};
use domain::event::Event;
use domain::flow::{request_body, request_headers};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// The user agent of the running version: an attempt made by an older one named itself so.
const USER_AGENT: &str = concat!("Postel/", env!("CARGO_PKG_VERSION"));

/// A request as it was sent.
#[derive(Serialize, ToSchema)]
#[schema(as = SentRequest)]
pub(crate) struct Request {
    #[schema(examples("POST"))]
    method: &'static str,
    /// Where it went.
    url: String,
    /// In the order of sending; the webhook's own as `***`. Several values of one name are joined by a comma and a space, in their order.
    #[schema(value_type = BTreeMap<String, String>)]
    headers: Headers,
    /// To the byte, where it is UTF-8; none after the event was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    body: Option<String>,
}

/// Headers by name, in the order of their first value. HTTP allows a name more than once, an object of JSON does not: the values of one name are joined
/// as RFC 9110, 5.3 has it. Names are alike whatever their case.
#[derive(Debug, PartialEq)]
pub(crate) struct Headers(Vec<(String, String)>);

impl Headers {
    pub(crate) fn of(pairs: impl Iterator<Item = (String, String)>) -> Self {
        let mut joined: Vec<(String, String)> = Vec::new();
        for (name, value) in pairs {
            match joined
                .iter_mut()
                .find(|(n, _)| n.eq_ignore_ascii_case(&name))
            {
                Some((_, values)) => {
                    values.push_str(", ");
                    values.push_str(&value);
                }
                None => joined.push((name, value)),
            }
        }
        Self(joined)
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Method, URL, headers and body. The signature is the one that was sent; it gives nothing away about the secret. The values of the webhook's own
/// headers are masked.
pub(crate) fn request(
    contract: &Contract,
    event: &Event,
    delivery: &Delivery,
    attempt: &Attempt,
) -> Request {
    let body = event.payload.content().map(|content| {
        request_body(
            contract,
            event,
            content,
            &delivery.id.webhook,
            attempt.type_name.as_deref(),
            &attempt.context,
        )
    });
    let moment = SigningMoment {
        id: event.id.as_str(),
        at: attempt.at,
        // No header is made of the body: only what is signed may name it.
        body: body.as_deref().unwrap_or_default(),
    };
    let headers = request_headers(contract, &moment, attempt.signature.as_deref(), USER_AGENT);
    let own = attempt
        .own_headers
        .iter()
        .map(|name| (name.clone(), "***".to_owned()));
    Request {
        method: "POST",
        url: attempt.url.clone(),
        headers: Headers::of(headers.into_iter().chain(own)),
        body: body.map(|body| String::from_utf8_lossy(&body).into_owned()),
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
