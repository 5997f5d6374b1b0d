//! One attempt: render, sign, POST. First attempts and retries both use it.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use zeroize::Zeroizing;

use super::dispatch::{Dispatcher, DispatcherDeps};
use super::render::{OwnHeader, UnsignedRequest, own_headers};
use crate::contract::{Contract, Secret};
use crate::credential::CredentialUse;
use crate::delivery::{Attempt, Trigger};
use crate::event::Event;
use crate::flow::{AWS_CALL_TIMEOUT, LEASE_MARGIN, RECORDING_RESERVE};
use crate::masking::secret_of;
use crate::outcome::{FailureKind, Outcome, OutgoingRequest};
use crate::payload::Content;
use crate::ports::{
    AttemptContext, Clock as _, ConfigStore as _, Fault, FaultKind, SecretCipher as _, Sender as _,
    Stage,
};
use crate::tenant::Subscription;
use crate::test_event::MAX_TEST_WAIT;
use crate::time::Time;

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
            hidden,
            all_open,
        } = self.credentials(to).await?;
        let type_name = if to.contract.envelope_of(event.test).names_types() {
            self.deps.config().type_name(&event.event_type).await?
        } else {
            None
        };
        let at = self.deps.clock().now();
        let timeout = timeout_of(&to.contract, event.test);
        check_time(at, timeout, deadline)?;
        let unsigned = UnsignedRequest::new(to, (event, content), type_name.as_deref(), at);
        let rule = to.contract.signature.as_ref();
        let signature = rule.and_then(|rule| rule.value(&secrets, &unsigned.moment()));
        let (headers, own_headers) =
            unsigned.headers(signature.as_deref(), &own, &self.policy.user_agent);
        let UnsignedRequest { context, body, .. } = unsigned;
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
            let attempt = AttemptContext {
                webhook: &to.webhook,
                contract: &to.contract,
                event,
                number,
                trigger,
                secrets: &secrets,
                own_headers: &own_headers,
            };
            self.send(&request, &attempt, hidden, deadline).await
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

    /// Sends a request. Returns its outcome, without these values and the webhook's secrets, and
    /// when it ended.
    async fn send(
        &self,
        request: &OutgoingRequest,
        attempt: &AttemptContext<'_>,
        mut hidden: Vec<Secret>,
        deadline: Time,
    ) -> (Outcome, Time) {
        let outcome = self.deps.sender().post(request, attempt).await;
        // Only the receiver's time counts, since it is charged to the webhook.
        let ended = self.deps.clock().now();
        hidden.extend(attempt.secrets.iter().cloned());
        // Recording the outcome needs up to two more calls; the search for secrets must leave them
        // time.
        let within = deadline.since(ended).saturating_sub(AWS_CALL_TIMEOUT * 2);
        (
            self.deps.sender().hide(outcome, hidden, within).await,
            ended,
        )
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
        for header in own_headers(&to.webhook) {
            let value = match header {
                OwnHeader::Named(name, sealed) => {
                    let of = CredentialUse::Header(name);
                    self.deps.cipher().decrypt(to, of, &sealed.cipher).await?
                }
                OwnHeader::Basic(basic) => {
                    let of = CredentialUse::Password;
                    let password = self.deps.cipher().decrypt(to, of, &basic.cipher).await?;
                    let pair = Zeroizing::new(format!("{}:{}", basic.username, password.expose()));
                    hidden.push(password);
                    Secret::new(format!("Basic {}", BASE64_STANDARD.encode(pair.as_bytes())))
                }
            };
            own.push((header.name().to_owned(), value));
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

/// Whether the invocation has time for an attempt.
fn check_time(at: Time, timeout: Duration, deadline: Time) -> Result<(), Fault> {
    if at.plus(timeout + RECORDING_RESERVE) > deadline {
        return Err(Fault::transient(
            Stage::NoTime,
            "the invocation has no time left for this webhook's timeout",
        ));
    }
    Ok(())
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
