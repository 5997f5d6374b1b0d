//! The exact request of an attempt, made again from what the log keeps, secrets masked.

use domain::contract::{Contract, SigningMoment};
use domain::delivery::{Attempt, Delivery, Trigger};
use domain::event::Event;
use domain::flow::{request_body, request_headers};
use serde::Serialize;
use serde_json::{Map, Value};
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
    /// In the order of sending; the webhook's own as `***`.
    #[schema(value_type = BTreeMap<String, String>)]
    headers: Map<String, Value>,
    /// To the byte, where it is UTF-8.
    body: String,
}

/// Method, URL, headers and body. The signature is the one that was sent; it gives nothing away about the secret. The values of the webhook's own
/// headers are masked.
pub(crate) fn request(
    contract: &Contract,
    event: &Event,
    delivery: &Delivery,
    attempt: &Attempt,
) -> Request {
    let body = request_body(
        contract,
        event,
        &delivery.id.webhook,
        attempt.type_name.as_deref(),
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
    Request {
        method: "POST",
        url: attempt.url.clone(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}
