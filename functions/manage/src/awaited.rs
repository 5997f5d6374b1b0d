//! The deliveries that events wait for which have none yet, as lists show them.

use std::collections::HashSet;

use adapters::delivery_store::{AwaitedDeliveries, BareEvent};
use domain::dead_letter::{Body, Reason};
use domain::delivery::Delivery;
use domain::ids::TenantId;
use domain::ports::{DeadLetterFilter, Fault};
use domain::stats::announced_event;
use domain::tenant::{Tenant, Webhook};
use domain::time::{CLOCK_SKEW, Time};
use domain::ulid::Ulid;
use tokio::sync::OnceCell;

use crate::AppState;

/// The most dead letters that are looked through for events whose message has died.
const MAX_DEAD_LETTERS: usize = 1000;

/// Reads a tenant's webhooks once, if an event without a delivery is met.
pub(crate) struct Awaited<'a> {
    app: &'a AppState,
    tenant: &'a Tenant,
    webhooks: OnceCell<Vec<Webhook>>,
}

impl AppState {
    pub(crate) fn awaited<'a>(&'a self, tenant: &'a Tenant) -> Awaited<'a> {
        Awaited {
            app: self,
            tenant,
            webhooks: OnceCell::new(),
        }
    }

    /// Events in the log whose message died in the queue: they wait for somebody to redrive it.
    pub(crate) async fn dead_events(
        &self,
        tenant: &TenantId,
        since: Option<Time>,
    ) -> Result<HashSet<Ulid>, Fault> {
        let filter = DeadLetterFilter {
            reasons: vec![Reason::Undeliverable],
            since,
            ..DeadLetterFilter::default()
        };
        let letters = self
            .dead_letters
            .list(tenant, &filter, None, MAX_DEAD_LETTERS)
            .await?;
        let messages = letters
            .items
            .iter()
            .filter_map(|kept| match &kept.dead.body {
                Body::Message { text, .. } => announced_event(text.as_deref()?),
                Body::Delivery(_) => None,
            });
        Ok(messages.collect())
    }
}

impl Awaited<'_> {
    /// The tenant's webhooks.
    pub(crate) async fn webhooks(&self) -> Result<&[Webhook], Fault> {
        let read = || self.app.config.webhooks(&self.tenant.id);
        self.webhooks.get_or_try_init(read).await.map(Vec::as_slice)
    }

    /// Those of these events, which have no delivery, whose message is a dead letter.
    pub(crate) async fn dead_of(
        &self,
        events: impl Iterator<Item = Ulid> + Send,
    ) -> Result<HashSet<Ulid>, Fault> {
        let Some(oldest) = events.min() else {
            return Ok(HashSet::new());
        };
        // A message dies after its event was accepted, by the clock of another function.
        let since = oldest.time().minus(CLOCK_SKEW);
        let since = since.max(self.tenant.log_begins());
        self.app.dead_events(&self.tenant.id, Some(since)).await
    }
}

impl AwaitedDeliveries for Awaited<'_> {
    async fn of_events(&self, events: Vec<BareEvent>) -> Result<Vec<Delivery>, Fault> {
        let webhooks = self.webhooks().await?;
        let events = events.into_iter().map(|event| event.filtered(webhooks));
        let mut events: Vec<_> = events.collect();
        events.retain(|event| webhooks.iter().any(|webhook| event.awaits(webhook)));
        let dead = self.dead_of(events.iter().map(|event| event.key)).await?;
        let awaited = events.iter().map(|event| event.awaited(webhooks, &dead));
        Ok(awaited.flatten().collect())
    }
}
