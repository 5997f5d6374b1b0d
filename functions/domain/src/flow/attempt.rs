//! One attempt: render, sign, POST. Used alike by first attempts and by all that follow.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::dispatch::{Dispatcher, DispatcherDeps};
use super::{AWS_CALL_TIMEOUT, RECORDING_RESERVE};
use crate::contract::{Contract, EnvelopeData, Secret, SigningInput};
use crate::credential::CredentialUse;
use crate::delivery::{Attempt, Trigger};
use crate::event::Event;
use crate::guard::{HOP_HEADER, folded};
use crate::ids::WebhookId;
use crate::masking::secret_of;
use crate::outcome::{FailureKind, Outcome, OutgoingRequest};
use crate::payload::Content;
use crate::ports::{Clock as _, ConfigStore as _, Fault, SecretCipher as _, Sender as _, Stage};
use crate::tenant::Subscription;
use crate::test_event::MAX_TEST_WAIT;
use crate::time::Time;

/// The body of a delivery under a contract. `type_name` is what the catalogue calls the event's
/// type, `own_context` what webhook and tenant say where the event does not.
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

/// What an envelope takes from its webhook's or tenant's context.
fn taken_context(to: &Subscription, event: &Event, content: &Content) -> BTreeMap<String, String> {
    let names = to.contract.envelope_of(event.test).context_names();
    names
        .filter(|name| !content.context.contains_key(*name))
        .filter_map(|name| Some((name.to_owned(), to.context.get(name)?.clone())))
        .collect()
}

/// A UUID (RFC 9562, version 8) made of event and webhook: the same in every attempt.
fn uuid(event: &Event, to: &WebhookId) -> String {
    let digest = Sha256::digest(format!("{}/{}/{to}", event.tenant, event.key));
    let bits = digest
        .iter()
        .take(16)
        .fold(0u128, |acc, byte| (acc << 8) | u128::from(*byte));
    let marked = (bits & !(0xF << 76) & !(0x3 << 62)) | (0x8 << 76) | (0x2 << 62);
    let hex = format!("{marked:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

impl<D: DispatcherDeps> Dispatcher<D> {
    /// Makes one attempt.
    ///
    /// # Errors
    /// Only before the request has left: no time, or nobody to open the secret. Whatever happens
    /// after is part of the attempt.
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
            return Err(Fault::new(
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
            // What the receiver took, and nothing of ours: it is held against the webhook.
            let ended = self.deps.clock().now();
            // Two calls later it is on record: their time is not to be had.
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

    /// Opens what the webhook has. What does not open now will not open later either: that is an
    /// outcome, which the tenant sees and the schedule ends, not a fault for which the whole
    /// message would come back.
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
                stage: Stage::Corrupt,
                ..
            }) => Ok(Credentials::default()),
            opened => opened,
        }
    }

    /// The webhook's own headers, Basic authentication among them; and what of their values is not
    /// to be kept if the receiver sends it back.
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

/// What comes of an attempt for which there is nothing that could be sent.
fn unsendable(contract: &Contract, all_open: bool, signature: Option<&str>) -> Option<Outcome> {
    if !all_open {
        return Some(Outcome::failure(
            FailureKind::Credentials,
            "a credential of the webhook cannot be opened: rotate its secret, and set its password and its headers anew",
        ));
    }
    (contract.signature.is_some() && signature.is_none()).then(|| {
        Outcome::failure(
            FailureKind::Unsigned,
            "the webhook has no secret that its contract can sign with: rotate it",
        )
    })
}

/// A webhook's credentials, in clear.
#[derive(Default)]
struct Credentials {
    secrets: Vec<Secret>,
    own: Vec<(String, Secret)>,
    /// What is not to be kept if the receiver sends it back, beside the secrets.
    hidden: Vec<Secret>,
    /// False if one does not open; then there is nothing here.
    all_open: bool,
}

/// The headers of a delivery: those of every contract, then the contract's own.
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

/// Adds the webhook's own headers but those that stand there under whatever spelling: a contract
/// that came to set a header after the webhook had it wins. Answers the names of the added ones.
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

/// How long an attempt may take. Somebody waits for a test event, and cannot wait for longer.
fn timeout_of(contract: &Contract, test: bool) -> Duration {
    if test {
        contract.timeout().min(MAX_TEST_WAIT)
    } else {
        contract.timeout()
    }
}

/// A lease's length: as long as the attempt may take, and a margin.
pub(super) fn lease_length(contract: &Contract) -> Duration {
    contract.timeout() + super::LEASE_MARGIN
}
