//! The request of an explanation: what is sent, without the signature and the values of
//! credentials, which only the dispatcher can decrypt.

use super::{ExplainReason, Explanation};
use crate::contract::{Contract, Secret, SigningInput};
use crate::delivery::{Attempt, Delivery};
use crate::event::Event;
use crate::flow::{UnsignedRequest, own_headers};
use crate::outcome::{FailureKind, Outcome};
use crate::sent_request::{MASK, SentRequest, joined_headers};
use crate::tenant::{Subscription, TenantSnapshot};
use crate::time::Time;

/// A request as it is sent, except what is secret.
#[derive(Debug, PartialEq, Eq)]
pub struct ExplainedRequest {
    /// The URL.
    pub url: String,
    /// The headers in the order of sending, by name. The signature and the values of the webhook's
    /// own headers are masked.
    pub headers: Vec<(String, String)>,
    /// The body; `None` after the event was erased.
    pub body: Option<String>,
    /// The text to sign; `None` if the contract does not sign, or after the event was erased.
    pub signed_text: Option<String>,
}

/// Which request an explanation shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestSource {
    /// None: nothing is sent.
    Nothing,
    /// The next attempt's, as it would be made at this time.
    Next(Time),
    /// The last attempt's, as it was sent.
    Last,
}

impl RequestSource {
    /// Of an event that waits.
    pub(super) fn next(reason: ExplainReason, at: Time) -> Self {
        if reason.is_attempted() && reason != ExplainReason::Unsigned {
            Self::Next(at)
        } else {
            Self::Nothing
        }
    }
}

/// Whether the contract of one of the tenant's webhooks names event types as the catalogue does:
/// the requests then need the catalogue's name.
#[must_use]
pub fn names_types(snapshot: &TenantSnapshot, event: &Event) -> bool {
    let mut subscriptions = snapshot.subscriptions.iter();
    subscriptions.any(|to| to.contract.envelope_of(event.test).names_types())
}

/// Whether an attempt at a time would find no secret to sign with.
pub(super) fn is_unsigned(to: &Subscription, at: Time) -> bool {
    let signature = to.contract.signature.as_ref();
    signature.is_some_and(|rule| {
        let mut secrets = to.webhook.secrets.signing_at(at, rule.several);
        secrets.next().is_none()
    })
}

impl Explanation<'_> {
    /// Whether there is a request to show.
    #[must_use]
    pub fn has_request(&self) -> bool {
        match self.source {
            RequestSource::Nothing => false,
            RequestSource::Next(_) => self.to.is_some(),
            RequestSource::Last => self.last_sent().is_some(),
        }
    }

    /// The contract that [`Explanation::request`] needs: the one that the last attempt followed.
    #[must_use]
    pub fn recorded_contract(&self) -> Option<&str> {
        self.last_sent().map(|(_, last)| last.contract.as_str())
    }

    /// The last attempt, if it is the one to show and was sent.
    fn last_sent(&self) -> Option<(&Delivery, &Attempt)> {
        let delivery = self
            .delivery
            .filter(|_| self.source == RequestSource::Last)?;
        let last = delivery.last_attempt.as_ref()?;
        let was_sent = !matches!(
            last.outcome,
            Outcome::Failure {
                kind: FailureKind::Unsigned | FailureKind::Credentials,
                ..
            }
        );
        was_sent.then_some((delivery, last))
    }

    /// The request of the next attempt, or of the last one if no other follows. `type_name` is the
    /// event type's name in the catalogue, `recorded` the contract of
    /// [`Explanation::recorded_contract`]. `None` if nothing is sent.
    ///
    /// It takes as much memory as the body twice.
    #[must_use]
    pub fn request(
        &self,
        event: &Event,
        type_name: Option<&str>,
        recorded: Option<&Contract>,
        user_agent: &str,
    ) -> Option<ExplainedRequest> {
        match (self.source, self.to) {
            (RequestSource::Next(at), Some(to)) => next(to, event, type_name, at, user_agent),
            (RequestSource::Last, _) => {
                let (delivery, last) = self.last_sent()?;
                Some(as_sent(recorded?, (event, delivery, last), user_agent))
            }
            _ => None,
        }
    }
}

fn next(
    to: &Subscription,
    event: &Event,
    type_name: Option<&str>,
    at: Time,
    user_agent: &str,
) -> Option<ExplainedRequest> {
    let content = event.payload.content()?;
    let unsigned = UnsignedRequest::new(to, (event, content), type_name, at);
    let rule = to.contract.signature.as_ref();
    let masked = |name: &str| (name.to_owned(), Secret::new(MASK.to_owned()));
    let own: Vec<_> = own_headers(&to.webhook)
        .map(|header| masked(header.name()))
        .collect();
    let (headers, _) = unsigned.headers(rule.map(|_| MASK), &own, user_agent);
    Some(ExplainedRequest {
        url: to.webhook.url.clone(),
        headers: joined_headers(headers.into_iter()),
        signed_text: signed_text(&to.contract, &unsigned.moment()),
        body: Some(String::from_utf8_lossy(&unsigned.body).into_owned()),
    })
}

fn as_sent(
    contract: &Contract,
    (event, delivery, last): (&Event, &Delivery, &Attempt),
    user_agent: &str,
) -> ExplainedRequest {
    let masked = Attempt {
        signature: last.signature.as_ref().map(|_| MASK.to_owned()),
        ..last.clone()
    };
    let sent = SentRequest::of(contract, event, delivery, &masked, user_agent);
    let signed_text = sent.body.as_ref().and_then(|body| {
        let moment = SigningInput {
            id: event.id.as_str(),
            at: last.at,
            body: body.as_bytes(),
        };
        signed_text(contract, &moment)
    });
    ExplainedRequest {
        url: sent.url,
        headers: sent.headers,
        body: sent.body,
        signed_text,
    }
}

fn signed_text(contract: &Contract, moment: &SigningInput<'_>) -> Option<String> {
    let rule = contract.signature.as_ref()?;
    let text = rule.signed_text.filled(moment);
    Some(String::from_utf8_lossy(&text).into_owned())
}
