//! What an attempt sends, except the values of credentials. The dispatcher builds its requests with
//! it, and [`crate::explain`] shows them.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use uuid::Builder;

use crate::contract::{Contract, EnvelopeData, Secret, SigningInput};
use crate::event::Event;
use crate::guard::{HOP_HEADER, folded};
use crate::ids::WebhookId;
use crate::payload::Content;
use crate::tenant::{EncryptedBasicAuth, EncryptedHeader, Subscription, Webhook};
use crate::time::Time;

/// The request body of a delivery under a contract. `type_name` is the event type's name in the
/// catalogue; `own_context` is the context of the webhook and the tenant, for keys that the event's
/// own context lacks.
#[must_use]
pub fn request_body(
    contract: &Contract,
    event: &Event,
    content: &Content,
    to: &WebhookId,
    type_name: Option<&str>,
    own_context: &BTreeMap<String, String>,
) -> Vec<u8> {
    let event_type = event.event_type.as_str();
    let type_name = type_name
        .or_else(|| contract.type_names.get(event_type).map(String::as_str))
        .unwrap_or(event_type);
    contract.envelope_of(event.test).render(&EnvelopeData {
        id: event.id.as_str(),
        event_type,
        timestamp: &event.timestamp,
        tenant: event.tenant.as_str(),
        webhook: to.as_str(),
        type_name,
        uuid: &uuid(event, to),
        data: &content.data,
        context: &content.context,
        own_context,
    })
}

/// The values that the envelope takes from the context of the webhook or the tenant.
fn taken_context(to: &Subscription, event: &Event, content: &Content) -> BTreeMap<String, String> {
    let names = to.contract.envelope_of(event.test).context_names();
    names
        .filter(|name| !content.context.contains_key(*name))
        .filter_map(|name| Some((name.to_owned(), to.context.get(name)?.clone())))
        .collect()
}

/// A UUID (RFC 9562, version 8) derived from event and webhook: the same in every attempt.
fn uuid(event: &Event, to: &WebhookId) -> String {
    let digest = Sha256::digest(format!("{}/{}/{to}", event.tenant, event.key));
    let bytes = digest.first_chunk().copied().unwrap_or_default();
    Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// The request of an attempt before it is signed.
pub(crate) struct UnsignedRequest<'a> {
    contract: &'a Contract,
    event_id: &'a str,
    at: Time,
    /// The values that the envelope took from the context of the webhook or the tenant.
    pub(crate) context: BTreeMap<String, String>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl<'a> UnsignedRequest<'a> {
    /// The request of an attempt that begins at a time.
    pub(crate) fn new(
        to: &'a Subscription,
        (event, content): (&'a Event, &Content),
        type_name: Option<&str>,
        at: Time,
    ) -> Self {
        let context = taken_context(to, event, content);
        let body = request_body(
            &to.contract,
            event,
            content,
            &to.webhook.id,
            type_name,
            &context,
        );
        Self {
            contract: &to.contract,
            event_id: event.id.as_str(),
            at,
            context,
            body,
        }
    }

    /// What its signature depends on.
    pub(crate) fn moment(&self) -> SigningInput<'_> {
        SigningInput {
            id: self.event_id,
            at: self.at,
            body: &self.body,
        }
    }

    /// Its headers, and the names of the webhook's own ones among them.
    pub(crate) fn headers(
        &self,
        signature: Option<&str>,
        own: &[(String, Secret)],
        user_agent: &str,
    ) -> (Vec<(String, String)>, Vec<String>) {
        let mut headers = request_headers(self.contract, &self.moment(), signature, user_agent);
        let names = add_own(&mut headers, own);
        (headers, names)
    }
}

/// The headers of a delivery: those of every contract, then those of this contract.
#[must_use]
pub fn request_headers(
    contract: &Contract,
    moment: &SigningInput<'_>,
    signature: Option<&str>,
    user_agent: &str,
) -> Vec<(String, String)> {
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("user-agent".to_owned(), user_agent.to_owned()),
        ("webhook-id".to_owned(), moment.id.to_owned()),
        (
            "webhook-timestamp".to_owned(),
            moment.at.seconds().to_string(),
        ),
        (HOP_HEADER.0.to_owned(), HOP_HEADER.1.to_owned()),
    ];
    for (name, template) in &contract.headers {
        let value = String::from_utf8_lossy(&template.filled(moment)).into_owned();
        headers.push((name.clone(), value));
    }
    if let (Some(rule), Some(value)) = (&contract.signature, signature) {
        headers.push((rule.header.clone(), value.to_owned()));
    }
    headers
}

/// A header of the webhook's owner, its value encrypted.
pub(crate) enum OwnHeader<'a> {
    /// A header by its name.
    Named(&'a str, &'a EncryptedHeader),
    /// Basic authentication.
    Basic(&'a EncryptedBasicAuth),
}

impl OwnHeader<'_> {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Named(name, _) => name,
            Self::Basic(_) => "authorization",
        }
    }
}

/// The headers that a webhook adds to its requests, in the order of sending.
pub(crate) fn own_headers(webhook: &Webhook) -> impl Iterator<Item = OwnHeader<'_>> {
    let named = webhook.headers.iter();
    let named = named.map(|(name, sealed)| OwnHeader::Named(name, sealed));
    named.chain(webhook.basic_auth.iter().map(OwnHeader::Basic))
}

/// Adds the webhook's own headers, except those whose name is already set in any spelling: if a
/// contract adds a header that the webhook has, the contract wins. Returns the names of the added
/// headers.
fn add_own(headers: &mut Vec<(String, String)>, own: &[(String, Secret)]) -> Vec<String> {
    if own.is_empty() {
        return Vec::new();
    }
    let mut taken: BTreeSet<String> = headers.iter().map(|(name, _)| folded(name)).collect();
    let free = own.iter().filter(|(name, _)| taken.insert(folded(name)));
    let added: Vec<_> = free
        .map(|(name, value)| (name.clone(), value.expose().to_owned()))
        .collect();
    let names = added.iter().map(|(name, _)| name.clone()).collect();
    headers.extend(added);
    names
}
