//! The exact request of an attempt, made again from what the log keeps, secrets masked.

use domain::contract::{Contract, SigningMoment};
use domain::delivery::{Attempt, Delivery, Trigger};
use domain::event::Event;
use domain::flow::{request_body, request_headers};
use serde_json::{Map, Value, json};

/// The user agent of the running version: an attempt made by an older one named itself so.
const USER_AGENT: &str = concat!("Postel/", env!("CARGO_PKG_VERSION"));

/// Method, URL, headers and body. The signature is the one that was sent; it gives nothing away about the secret. The values of the webhook's own
/// headers are masked.
pub(crate) fn request(
    contract: &Contract,
    event: &Event,
    delivery: &Delivery,
    attempt: &Attempt,
    type_name: Option<&str>,
) -> Value {
    let body = request_body(
        contract,
        event,
        &delivery.id.webhook,
        type_name,
        attempt.trigger == Trigger::Test,
    );
    let moment = SigningMoment {
        id: event.id.as_str(),
        at: attempt.at,
        body: &body,
    };
    let headers = request_headers(contract, &moment, attempt.signature.as_deref(), USER_AGENT);
    let own = attempt
        .own_headers
        .iter()
        .map(|name| (name.clone(), Value::from("***")));
    let headers: Map<String, Value> = headers
        .into_iter()
        .map(|(name, value)| (name, Value::from(value)))
        .chain(own)
        .collect();
    json!({
        "method": "POST",
        "url": attempt.url,
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    })
}
