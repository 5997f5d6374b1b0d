//! One attempt: render, sign, POST. First attempts and retries both use it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use sha2::{Digest, Sha256};
use uuid::Builder;
use zeroize::Zeroizing;

use super::dispatch::{Dispatcher, DispatcherDeps};
use crate::contract::{Contract, EnvelopeData, Secret, SigningInput};
use crate::credential::CredentialUse;
use crate::delivery::{Attempt, Trigger};
use crate::event::Event;
use crate::flow::{AWS_CALL_TIMEOUT, LEASE_MARGIN, RECORDING_RESERVE};
use crate::guard::{HOP_HEADER, folded};
use crate::ids::WebhookId;
use crate::masking::secret_of;
use crate::outcome::{FailureKind, Outcome, OutgoingRequest};
use crate::payload::Content;
use crate::ports::{
    Clock as _, ConfigStore as _, Fault, FaultKind, SecretCipher as _, Sender as _, Stage,
};
use crate::tenant::Subscription;
use crate::test_event::MAX_TEST_WAIT;
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

impl<D: DispatcherDeps> Dispatcher<D> {
    /// Makes one attempt.
    ///
    /// # Errors
    /// Only before the request has left: the invocation has too little time, or the secret cannot
    /// be decrypted now. Every later failure is part of the attempt's outcome.
    pub(super) async fn attempt(
        &self,
        (event, content): (&Event, &Content),
        to: &Subscription,
        number: u32,
        trigger: Trigger,
        deadline: Time,
    ) -> Result<Attempt, Fault> {
        let Credentials {
            secrets,
            own,
            mut hidden,
            all_open,
        } = self.credentials(to).await?;
        let type_name = if to.contract.envelope_of(event.test).names_types() {
            self.deps.config().type_name(&event.event_type).await?
        } else {
            None
        };
        let at = self.deps.clock().now();
        let timeout = timeout_of(&to.contract, event.test);
        if at.plus(timeout + RECORDING_RESERVE) > deadline {
            return Err(Fault::transient(
                Stage::NoTime,
                "the invocation has no time left for this webhook's timeout",
            ));
        }
        let context = taken_context(to, event, content);
        let body = request_body(
            &to.contract,
            event,
            content,
            &to.webhook.id,
            type_name.as_deref(),
            &context,
        );
        let moment = SigningInput {
            id: event.id.as_str(),
            at,
            body: &body,
        };
        let signature = to
            .contract
            .signature
            .as_ref()
            .and_then(|rule| rule.value(&secrets, &moment));
        let mut headers = request_headers(
            &to.contract,
            &moment,
            signature.as_deref(),
            &self.policy.user_agent,
        );
        let own_headers = add_own(&mut headers, &own);
        let request = OutgoingRequest {
            url: to.webhook.url.clone(),
            headers,
            body: body.into(),
            timeout,
        };
        let unsendable = unsendable(&to.contract, all_open, signature.as_deref());
        let (outcome, ended) = if let Some(outcome) = unsendable {
            (outcome, self.deps.clock().now())
        } else {
            hidden.extend(secrets);
            let outcome = self.deps.sender().post(&request).await;
            // Only the receiver's time counts, since it is charged to the webhook.
            let ended = self.deps.clock().now();
            // Recording the outcome needs up to two more calls; the search for secrets must leave
            // them time.
            let within = deadline.since(ended).saturating_sub(AWS_CALL_TIMEOUT * 2);
            (
                self.deps.sender().hide(outcome, hidden, within).await,
                ended,
            )
        };
        Ok(Attempt {
            number,
            trigger,
            at,
            duration: ended.since(at),
            webhook_version: to.webhook.version,
            url: to.webhook.url.clone(),
            contract: to.contract.reference(),
            signature,
            own_headers,
            type_name,
            context,
            outcome,
        })
    }

    /// Decrypts the webhook's credentials. A credential that cannot be decrypted now will not
    /// decrypt later either. That is an outcome, which the tenant sees and the schedule ends; a
    /// fault would bring the whole message back.
    async fn credentials(&self, to: &Subscription) -> Result<Credentials, Fault> {
        let opened = async {
            let secrets = self.secrets(to).await?;
            let (own, hidden) = self.own_headers(to).await?;
            Ok(Credentials {
                secrets,
                own,
                hidden,
                all_open: true,
            })
        };
        match opened.await {
            Err(Fault {
                kind: FaultKind::Corrupt,
                ..
            }) => Ok(Credentials::default()),
            opened => opened,
        }
    }

    /// The webhook's own headers, Basic authentication included, and the values to redact if the
    /// receiver sends them back.
    async fn own_headers(
        &self,
        to: &Subscription,
    ) -> Result<(Vec<(String, Secret)>, Vec<Secret>), Fault> {
        let (mut own, mut hidden) = (Vec::new(), Vec::new());
        for (name, sealed) in &to.webhook.headers {
            let of = CredentialUse::Header(name);
            let value = self.deps.cipher().decrypt(to, of, &sealed.cipher).await?;
            own.push((name.clone(), value));
        }
        if let Some(basic) = &to.webhook.basic_auth {
            let password = self
                .deps
                .cipher()
                .decrypt(to, CredentialUse::Password, &basic.cipher)
                .await?;
            let pair = Zeroizing::new(format!("{}:{}", basic.username, password.expose()));
            let value = format!("Basic {}", BASE64_STANDARD.encode(pair.as_bytes()));
            own.push(("authorization".to_owned(), Secret::new(value)));
            hidden.push(password);
        }
        for (name, value) in &own {
            hidden.extend(secret_of(name, value.expose()).map(|part| Secret::new(part.to_owned())));
        }
        Ok((own, hidden))
    }

    async fn secrets(&self, to: &Subscription) -> Result<Vec<Secret>, Fault> {
        let signature = to.contract.signature.as_ref();
        let several = signature.is_some_and(|signature| signature.several);
        let now = self.deps.clock().now();
        let mut secrets = Vec::new();
        for cipher in to.webhook.secrets.signing_at(now, several) {
            secrets.push(
                self.deps
                    .cipher()
                    .decrypt(to, CredentialUse::Secret, cipher)
                    .await?,
            );
        }
        Ok(secrets)
    }
}

/// The outcome of an attempt that has nothing to send.
fn unsendable(contract: &Contract, all_open: bool, signature: Option<&str>) -> Option<Outcome> {
    if !all_open {
        return Some(Outcome::failure(
            FailureKind::Credentials,
            "a stored credential of the webhook cannot be decrypted: rotate its secret, and set its password and its headers again",
        ));
    }
    (contract.signature.is_some() && signature.is_none()).then(|| {
        Outcome::failure(
            FailureKind::Unsigned,
            "the webhook has no secret that its contract can sign with: rotate its secret",
        )
    })
}

/// A webhook's credentials in plaintext.
#[derive(Default)]
struct Credentials {
    secrets: Vec<Secret>,
    own: Vec<(String, Secret)>,
    /// Values other than the secrets that are redacted if the receiver sends them back.
    hidden: Vec<Secret>,
    /// False if a credential cannot be decrypted; the other fields are empty then.
    all_open: bool,
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
        let mut value = Vec::new();
        template.render(moment, &mut value);
        headers.push((name.clone(), String::from_utf8_lossy(&value).into_owned()));
    }
    if let (Some(rule), Some(value)) = (&contract.signature, signature) {
        headers.push((rule.header.clone(), value.to_owned()));
    }
    headers
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

/// The timeout of an attempt. A caller waits for a test event, so its timeout is shorter.
fn timeout_of(contract: &Contract, test: bool) -> Duration {
    if test {
        contract.timeout().min(MAX_TEST_WAIT)
    } else {
        contract.timeout()
    }
}

/// The length of a lease: the attempt's timeout plus a margin.
pub(super) fn lease_length(contract: &Contract) -> Duration {
    contract.timeout() + LEASE_MARGIN
}
