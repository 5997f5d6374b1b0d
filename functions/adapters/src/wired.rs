//! Ports put together: what a flow is given. A function fills in what it needs and leaves the rest `()`; a flow that needs more does not compile.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::contract::Secret;
use domain::dead_letter::DeadLetter;
use domain::delivery::{Attempt, Delivery, DisableReason, Verdict};
use domain::event::Event;
use domain::ids::{DeliveryId, EventId, TenantId, WebhookId};
use domain::outcome::{Outcome, OutgoingRequest};
use domain::ports::{
    Carrier, Claim, DeadLetters, Directory, Errand, Fault, IdClaim, IdRequest, Lease, Log, Moment,
    Overdue, Record, Revival, Sender, Vault, Witness,
};
use domain::tenant::Roster;
use domain::time::Time;
use domain::ulid::Ulid;

use crate::clock::SystemMoment;
use crate::egress::HttpSender;
use crate::telemetry::Console;

/// Directory, log, dead letters, carrier, sender, vault.
#[derive(Default)]
pub struct Wired<D = (), L = (), B = (), C = (), S = (), V = ()> {
    /// Tenants and webhooks.
    pub directory: D,
    /// Events and deliveries.
    pub log: L,
    /// Dead letters.
    pub dead_letters: B,
    /// The way to the next attempt.
    pub carrier: C,
    /// The way out.
    pub sender: S,
    /// Secrets.
    pub vault: V,
}

impl<D: Directory, L, B, C, S, V> Directory for Wired<D, L, B, C, S, V> {
    fn roster(
        &self,
        tenant: &TenantId,
        fresh_at: Time,
    ) -> impl Future<Output = Result<Option<Arc<Roster>>, Fault>> + Send {
        self.directory.roster(tenant, fresh_at)
    }

    fn switch_off(
        &self,
        tenant: &TenantId,
        webhook: &WebhookId,
        reason: DisableReason,
        now: Time,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        self.directory.switch_off(tenant, webhook, reason, now)
    }
}

impl<D, L: Log, B, C, S, V> Log for Wired<D, L, B, C, S, V> {
    fn read(
        &self,
        tenant: &TenantId,
        event: Ulid,
    ) -> impl Future<Output = Result<Option<Record>, Fault>> + Send {
        self.log.read(tenant, event)
    }

    fn store(
        &self,
        event: &Event,
        ended: &[Delivery],
        owner: &str,
    ) -> impl Future<Output = Result<bool, Fault>> + Send {
        self.log.store(event, ended, owner)
    }

    fn open(
        &self,
        delivery: &Delivery,
        dead: Option<&DeadLetter>,
        owner: &str,
    ) -> impl Future<Output = Result<bool, Fault>> + Send {
        self.log.open(delivery, dead, owner)
    }

    fn claim(
        &self,
        errand: &Errand,
        lease: &Lease,
        now: Time,
    ) -> impl Future<Output = Result<Claim, Fault>> + Send {
        self.log.claim(errand, lease, now)
    }

    fn commit(
        &self,
        before: &Delivery,
        after: &Delivery,
        dead: Option<&DeadLetter>,
        owner: &str,
    ) -> impl Future<Output = Result<bool, Fault>> + Send {
        self.log.commit(before, after, dead, owner)
    }

    fn claim_id(
        &self,
        request: &IdRequest<'_>,
    ) -> impl Future<Output = Result<IdClaim, Fault>> + Send {
        self.log.claim_id(request)
    }

    fn mark_sent(
        &self,
        tenant: &TenantId,
        id: &EventId,
        owner: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        self.log.mark_sent(tenant, id, owner)
    }

    fn release_id(
        &self,
        tenant: &TenantId,
        id: &EventId,
        owner: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        self.log.release_id(tenant, id, owner)
    }
}

impl<D, L: Revival, B, C, S, V> Revival for Wired<D, L, B, C, S, V> {
    fn ask_manual(
        &self,
        tenant: &TenantId,
        delivery: &DeliveryId,
        token: &str,
        now: Time,
    ) -> impl Future<Output = Result<Option<String>, Fault>> + Send {
        self.log.ask_manual(tenant, delivery, token, now)
    }

    fn revive(
        &self,
        dead: &DeadLetter,
        now: Time,
    ) -> impl Future<Output = Result<Option<Delivery>, Fault>> + Send {
        self.log.revive(dead, now)
    }

    fn forget_manual(&self, errand: &Errand) -> impl Future<Output = Result<(), Fault>> + Send {
        self.log.forget_manual(errand)
    }
}

impl<D, L: Overdue, B, C, S, V> Overdue for Wired<D, L, B, C, S, V> {
    fn overdue(
        &self,
        shard: u8,
        now: Time,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Errand>, Fault>> + Send {
        self.log.overdue(shard, now, limit)
    }

    fn postpone(
        &self,
        errand: &Errand,
        until: Time,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        self.log.postpone(errand, until)
    }
}

impl<D, L, B: DeadLetters, C, S, V> DeadLetters for Wired<D, L, B, C, S, V> {
    fn bury(&self, dead: &DeadLetter) -> impl Future<Output = Result<(), Fault>> + Send {
        self.dead_letters.bury(dead)
    }
}

impl<D, L, B, C: Carrier, S, V> Carrier for Wired<D, L, B, C, S, V> {
    fn carry(
        &self,
        errand: &Errand,
        delay: Duration,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        self.carrier.carry(errand, delay)
    }
}

impl<D, L, B, C, S: Sender, V> Sender for Wired<D, L, B, C, S, V> {
    fn post(&self, request: &OutgoingRequest) -> impl Future<Output = Outcome> + Send {
        self.sender.post(request)
    }
}

impl<D, L, B, C, S, V: Vault> Vault for Wired<D, L, B, C, S, V> {
    fn unseal(
        &self,
        tenant: &TenantId,
        webhook: &WebhookId,
        cipher: &str,
    ) -> impl Future<Output = Result<Secret, Fault>> + Send {
        self.vault.unseal(tenant, webhook, cipher)
    }
}

impl<D, L, B, C, S, V> Witness for Wired<D, L, B, C, S, V> {
    fn attempted(&self, delivery: &Delivery, attempt: &Attempt, verdict: Verdict) {
        Console.attempted(delivery, attempt, verdict);
    }

    fn refused(&self, dead: &DeadLetter) {
        Console.refused(dead);
    }
}

impl<D, L, B, C, S, V> Moment for Wired<D, L, B, C, S, V> {
    fn now(&self) -> Time {
        SystemMoment.now()
    }

    fn pause(&self, length: Duration) -> impl Future<Output = ()> + Send {
        SystemMoment.pause(length)
    }

    fn fraction(&self) -> f64 {
        SystemMoment.fraction()
    }

    fn entropy(&self) -> [u8; 16] {
        SystemMoment.entropy()
    }
}

impl Sender for HttpSender {
    fn post(&self, request: &OutgoingRequest) -> impl Future<Output = Outcome> + Send {
        Self::post(self, request)
    }
}
