//! One attempt: render, sign, POST. Used alike by first attempts and by all that follow.

use std::time::Duration;

use super::RESERVE;
use super::dispatch::{Dispatcher, DispatcherPorts};
use crate::contract::{Contract, Facts, Secret, SigningMoment};
use crate::delivery::{Attempt, Trigger};
use crate::event::Event;
use crate::outcome::OutgoingRequest;
use crate::ports::{Fault, Stage};
use crate::tenant::{Subscription, Webhook};
use crate::time::Time;

/// The body of a delivery under a contract.
#[must_use]
pub fn request_body(contract: &Contract, event: &Event) -> Vec<u8> {
    contract.envelope.render(&Facts {
        id: event.id.as_str(),
        event_type: event.event_type.as_str(),
        timestamp: &event.timestamp,
        tenant: event.tenant.as_str(),
        data: &event.data,
        context: &event.context,
    })
}

impl<P: DispatcherPorts> Dispatcher<P> {
    /// Makes one attempt.
    ///
    /// # Errors
    /// Only before the request has left: no time, or the secret could not be opened. Whatever happens after is part of the attempt.
    pub(super) async fn attempt(
        &self,
        event: &Event,
        to: &Subscription,
        number: u32,
        trigger: Trigger,
        deadline: Time,
    ) -> Result<Attempt, Fault> {
        let secrets = self.secrets(&to.webhook).await?;
        let at = self.ports.now();
        let timeout = to.contract.timeout();
        if at.plus(timeout + RESERVE) > deadline {
            return Err(Fault::new(
                Stage::NoTime,
                "the invocation has no time left for this webhook's timeout",
            ));
        }
        let body = request_body(&to.contract, event);
        let moment = SigningMoment {
            id: event.id.as_str(),
            at,
            body: &body,
        };
        let signature = to
            .contract
            .signature
            .as_ref()
            .and_then(|rule| rule.value(&secrets, &moment));
        let headers = request_headers(
            &to.contract,
            &moment,
            signature.as_deref(),
            &self.policy.user_agent,
        );
        let request = OutgoingRequest {
            url: to.webhook.url.clone(),
            headers,
            body,
            timeout,
        };
        let outcome = self.ports.post(&request).await;
        Ok(Attempt {
            number,
            trigger,
            at,
            duration: self.ports.now().since(at),
            url: to.webhook.url.clone(),
            contract: to.contract.name.clone(),
            signature,
            outcome,
        })
    }

    async fn secrets(&self, webhook: &Webhook) -> Result<Vec<Secret>, Fault> {
        let mut secrets = Vec::new();
        for sealed in webhook.secrets_at(self.ports.now()) {
            secrets.push(
                self.ports
                    .unseal(&webhook.tenant, &webhook.id, &sealed.cipher)
                    .await?,
            );
        }
        Ok(secrets)
    }
}

/// The headers of a delivery: those of every contract, then the contract's own.
#[must_use]
pub fn request_headers(
    contract: &Contract,
    moment: &SigningMoment<'_>,
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
    ];
    for (name, template) in &contract.headers {
        let mut value = Vec::new();
        template.render(moment, &mut value);
        headers.push((name.clone(), String::from_utf8_lossy(&value).into_owned()));
    }
    if let (Some(rule), Some(value)) = (&contract.signature, signature) {
        headers.push((rule.header.clone(), value.to_owned()));
    }
    headers
}

/// A lease's length: as long as the attempt may take, and a margin.
pub(super) fn lease_length(contract: &Contract) -> Duration {
    contract.timeout() + super::LEASE_MARGIN
}
