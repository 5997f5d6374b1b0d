//! A message of the events queue: an event straight from a tenant, or the key of one that the HTTP door stored.

use std::collections::HashSet;

use futures::future::join_all;
use serde::Deserialize;

use super::dispatch::{Dispatcher, DispatcherPorts, Message};
use super::inside;
use crate::dead_letter::{Body, DeadLetter, Reason};
use crate::delivery::{Delivery, Trigger, judge};
use crate::event::{self, Event, NewEvent};
use crate::ids::{DeadLetterId, TenantId, WebhookId};
use crate::object;
use crate::ports::{Fault, IdClaim, IdRequest, Record, Recorded, Stage};
use crate::tenant::{Roster, Subscription, may_publish};
use crate::time::Time;
use crate::ulid::Ulid;

/// What the HTTP door sends: ids only. A forged one does no harm: the sender is checked all the same, and deliveries on record are skipped.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stored {
    tenant_id: TenantId,
    stored: Ulid,
}

/// Reads the tenant from a body that is otherwise no event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    tenant_id: TenantId,
}

/// Why a message cannot become an event.
struct Unfit {
    tenant: Option<TenantId>,
    reason: Reason,
    detail: String,
}

impl<P: DispatcherPorts> Dispatcher<P> {
    pub(super) async fn event_message(
        &self,
        message: &Message,
        deadline: Time,
    ) -> Result<(), Fault> {
        if let Ok(stored) = object::from_str::<Stored>(&message.body) {
            return match self.admit(&stored.tenant_id, message).await? {
                Ok(roster) => self.stored(&stored, &roster, message, deadline).await,
                Err(unfit) => self.bury_message(message, unfit).await,
            };
        }
        match event::parse_with_tenant(message.body.as_bytes()) {
            Ok((event, tenant)) => self.tenants_event(event, tenant, message, deadline).await,
            Err(rejection) => {
                // The dead letter is shown to the tenant only if the sender proves to be its publisher.
                let tenant = match object::from_str::<Named>(&message.body) {
                    Ok(named) => self
                        .admit(&named.tenant_id, message)
                        .await?
                        .is_ok()
                        .then_some(named.tenant_id),
                    Err(_) => None,
                };
                let reason = Reason::of_event(rejection.code);
                self.bury_message(
                    message,
                    Unfit {
                        tenant,
                        reason,
                        detail: rejection.detail,
                    },
                )
                .await
            }
        }
    }

    /// The tenant's roster, if the tenant exists and the sender may publish for it.
    async fn admit(
        &self,
        tenant: &TenantId,
        message: &Message,
    ) -> Result<Result<std::sync::Arc<Roster>, Unfit>, Fault> {
        let unfit = |reason, detail: &str| {
            Ok(Err(Unfit {
                tenant: None,
                reason,
                detail: detail.to_owned(),
            }))
        };
        let Some(roster) = self.ports.roster(tenant, message.fresh_at()).await? else {
            return unfit(
                Reason::UnknownTenant,
                "There is no tenant of the id named in the body.",
            );
        };
        if !may_publish(
            &roster.tenant,
            &message.sender,
            &self.policy.trusted_senders,
        ) {
            let detail =
                "The sender is not among the principals registered as the tenant's publishers.";
            return unfit(Reason::SenderNotAllowed, detail);
        }
        Ok(Ok(roster))
    }

    async fn tenants_event(
        &self,
        event: NewEvent,
        tenant: Option<String>,
        message: &Message,
        deadline: Time,
    ) -> Result<(), Fault> {
        let Some(tenant) = tenant.and_then(|text| text.parse::<TenantId>().ok()) else {
            let detail = "The body must name its tenant in tenantId.".to_owned();
            return self
                .bury_message(
                    message,
                    Unfit {
                        tenant: None,
                        reason: Reason::InvalidEvent,
                        detail,
                    },
                )
                .await;
        };
        let roster = match self.admit(&tenant, message).await? {
            Ok(roster) => roster,
            Err(unfit) => return self.bury_message(message, unfit).await,
        };
        // The same message finds the same key, however often it is delivered.
        let mut key = Ulid::derived(message.sent, &message.id);
        let mut is_fresh = message.receives <= 1;
        if let Some(id) = &event.id {
            // The message itself is the owner, in whichever run: it may claim, die, and come back to an id that another left to it. Test:
            // regressions.rs, an id taken over.
            let (fingerprint, owner, now) =
                (event.fingerprint(), key.to_string(), self.ports.now());
            let request = IdRequest {
                tenant: &tenant,
                id,
                key,
                fingerprint: &fingerprint,
                owner: &owner,
                now,
                safe: true,
            };
            match self.ports.claim_id(&request).await? {
                IdClaim::Ours(claimed) => {
                    is_fresh &= claimed == key;
                    key = claimed;
                }
                IdClaim::Done(_) => return Ok(()),
                IdClaim::Busy => {
                    return Err(Fault::new(
                        Stage::Claim,
                        "another publication of this id is being stored",
                    ));
                }
                IdClaim::Conflict => {
                    let detail =
                        format!("The id {id} was used within the last 24 hours for another event.");
                    let unfit = Unfit {
                        tenant: Some(tenant),
                        reason: Reason::IdConflict,
                        detail,
                    };
                    return self.bury_message(message, unfit).await;
                }
            }
        }
        let record = if is_fresh {
            None
        } else {
            self.ports.read(&tenant, key).await?
        };
        match record {
            // The HTTP door's announcements of the same id may be at work.
            Some(record) if record.again => self.settle_claiming(&record, &roster).await,
            Some(record) => {
                self.settle(
                    &record.event,
                    &roster,
                    &record.deliveries,
                    message,
                    deadline,
                )
                .await
            }
            None => {
                self.deliver_new(&event.accept(tenant, key), &roster, deadline)
                    .await
            }
        }
    }

    /// An event that the HTTP door stored. Its message is sent after the event is written, and reads are consistent: if it is missing, its retention has
    /// passed, or a publisher made the message up. Either is worth knowing: nothing that came in ends without a trace.
    async fn stored(
        &self,
        stored: &Stored,
        roster: &Roster,
        message: &Message,
        deadline: Time,
    ) -> Result<(), Fault> {
        match self.ports.read(&stored.tenant_id, stored.stored).await? {
            Some(record) if record.again => self.settle_claiming(&record, roster).await,
            Some(record) => {
                self.settle(&record.event, roster, &record.deliveries, message, deadline)
                    .await
            }
            None => {
                let unfit = Unfit {
                    tenant: Some(stored.tenant_id.clone()),
                    reason: Reason::Undeliverable,
                    detail: "The message names a stored event, and the log has none of that name."
                        .to_owned(),
                };
                self.bury_message(message, unfit).await
            }
        }
    }

    /// The happy path of the SQS door: attempt first, then one write for the event and all first-attempt successes.
    async fn deliver_new(
        &self,
        event: &Event,
        roster: &Roster,
        deadline: Time,
    ) -> Result<(), Fault> {
        let (tried, mut result) = self
            .first_attempts(event, roster, &HashSet::new(), deadline)
            .await;
        let (ended, mut alive) = inside::split(tried);
        let inside: Vec<Delivery> = ended.iter().map(|(delivery, _)| delivery.clone()).collect();
        if self
            .ports
            .store(event, &inside, &self.ports.owner())
            .await?
        {
            self.ports.accepted();
        } else {
            // A twin of this message was faster. What it has on record stands, a success inside the event above all, whatever came of our own
            // attempt; the rest is kept as items of their own. Test: regressions.rs, a twin's failure.
            let record = self.ports.read(&event.tenant, event.key).await?;
            let recorded = record.map(|r| ids(&r.deliveries)).unwrap_or_default();
            alive.extend(ended);
            alive.retain(|(delivery, _)| !recorded.contains(&delivery.id.webhook));
        }
        for (delivery, to) in alive {
            result = result.and(self.keep(delivery, &to.contract).await);
        }
        result
    }

    /// An event that is in the log: what is on record is skipped, or its missing step done; the rest is attempted.
    async fn settle(
        &self,
        event: &Event,
        roster: &Roster,
        recorded: &[Recorded],
        message: &Message,
        deadline: Time,
    ) -> Result<(), Fault> {
        let (tried, mut result) = self
            .first_attempts(event, roster, &ids(recorded), deadline)
            .await;
        for (delivery, to) in tried {
            result = result.and(self.keep(delivery, &to.contract).await);
        }
        if message.receives > 1 {
            // We may have died between record and queue.
            for entry in recorded.iter().filter(|r| !r.embedded) {
                let to = roster.subscription(&entry.delivery.id.webhook);
                result = result.and(
                    self.follow_up(&entry.delivery, to.map(|s| &s.contract))
                        .await,
                );
            }
        }
        result
    }

    /// An event that was announced more than once, so that another message for it may be at work: its deliveries get a life of their own before their
    /// first attempt, which is then claimed like all others.
    async fn settle_claiming(&self, record: &Record, roster: &Roster) -> Result<(), Fault> {
        let recorded = ids(&record.deliveries);
        let mut result = Ok(());
        for to in &roster.subscriptions {
            if !to.webhook.wants(&record.event.event_type) || recorded.contains(&to.webhook.id) {
                continue;
            }
            let delivery = Delivery::new(&record.event, &to.webhook.id).due_at(self.ports.now());
            // False: another message did, or this one before it came back. If nobody carries it, the sweeper finds it due.
            result = result.and(
                match self.ports.open(&delivery, None, &self.ports.owner()).await {
                    Ok(true) => self.carry_next(&delivery).await,
                    Ok(false) => Ok(()),
                    Err(fault) => Err(fault),
                },
            );
        }
        result
    }

    async fn first_attempts<'a>(
        &self,
        event: &Event,
        roster: &'a Roster,
        recorded: &HashSet<WebhookId>,
        deadline: Time,
    ) -> (Vec<(Delivery, &'a Subscription)>, Result<(), Fault>) {
        let wanted: Vec<_> = roster
            .subscriptions
            .iter()
            .filter(|s| s.webhook.wants(&event.event_type) && !recorded.contains(&s.webhook.id))
            .collect();
        let results = join_all(
            wanted
                .iter()
                .map(|to| self.first_attempt(event, to, deadline)),
        )
        .await;
        let (mut tried, mut fault) = (Vec::new(), Ok(()));
        for (result, to) in results.into_iter().zip(wanted) {
            match result {
                Ok(delivery) => tried.push((delivery, to)),
                Err(e) => fault = Err(e),
            }
        }
        (tried, fault)
    }

    async fn first_attempt(
        &self,
        event: &Event,
        to: &Subscription,
        deadline: Time,
    ) -> Result<Delivery, Fault> {
        if to.webhook.is_slow() {
            // Not here, where the whole batch would wait with it: recorded as due, and tried on the slow lane.
            return Ok(Delivery::new(event, &to.webhook.id).due_at(self.ports.now()));
        }
        let attempt = self
            .attempt(event, to, 1, Trigger::Automatic, deadline)
            .await?;
        let verdict = judge(
            &to.contract,
            &attempt.outcome,
            1,
            self.ports.now(),
            self.ports.fraction(),
        );
        let delivery = Delivery::new(event, &to.webhook.id);
        self.ports.attempted(&delivery, &attempt, verdict);
        Ok(delivery.after_automatic(attempt, verdict))
    }

    async fn bury_message(&self, message: &Message, unfit: Unfit) -> Result<(), Fault> {
        let dead = DeadLetter {
            id: DeadLetterId(Ulid::derived(message.sent, &message.id)),
            tenant: unfit.tenant,
            at: message.sent,
            reason: unfit.reason,
            detail: unfit.detail,
            body: Body::Message {
                text: message.body.clone(),
                sender: message.sender.clone(),
            },
        };
        self.ports.refused(&dead);
        self.ports.bury(&dead).await
    }
}

fn ids(recorded: &[Recorded]) -> HashSet<WebhookId> {
    recorded
        .iter()
        .map(|r| r.delivery.id.webhook.clone())
        .collect()
}
