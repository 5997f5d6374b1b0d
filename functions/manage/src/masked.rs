//! The exact request of an attempt, made again from what the log keeps, secrets masked.

use domain::contract::{SigningMoment, builtin};
use domain::delivery::Attempt;
use domain::event::Event;
use domain::flow::{request_body, request_headers};
use serde_json::{Map, Value, json};

/// The user agent of the running version: an attempt made by an older one named itself so.
const USER_AGENT: &str = concat!("Postel/", env!("CARGO_PKG_VERSION"));

/// Method, URL, headers and body. The signature is the one that was sent; it gives nothing away about the secret.
pub(crate) fn request(event: &Event, attempt: &Attempt) -> Option<Value> {
    let contract = builtin(&attempt.contract)?;
    let body = request_body(&contract, event);
    let moment = SigningMoment {
        id: event.id.as_str(),
        at: attempt.at,
        body: &body,
    };
    let headers = request_headers(&contract, &moment, attempt.signature.as_deref(), USER_AGENT);
    let headers: Map<String, Value> = headers
        .into_iter()
        .map(|(name, value)| (name, Value::from(value)))
        .collect();
    Some(json!({
        "method": "POST",
        "url": attempt.url,
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    }))
}
