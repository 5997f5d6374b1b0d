//! Ports put together: what a flow is given. A function fills in what it needs and leaves the rest `()`; a flow that needs more does not compile.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::contract::Secret;
use domain::credential::CredentialUse;
use domain::dead_letter::DeadLetter;
use domain::delivery::{Attempt, Delivery, DisableReason, Verdict};
use domain::event::Event;
use domain::event_type::EventType;
use domain::ids::{TenantId, WebhookId};
use domain::outcome::{Outcome, OutgoingRequest};
use domain::ports::{
    Carrier, Claim, DeadLetters, Directory, Errand, Fault, IdClaim, IdRequest, Lease, Letter, Log,
    Mailer, Marks, Moment, OnceName, Record, Sender, SlowLane, Vault, Witness,
};
use domain::tenant::{Roster, Subscription, WebhookVersion};
use domain::time::Time;
use domain::ulid::Ulid;

use crate::clock::SystemMoment;
use crate::egress::HttpSender;
use crate::telemetry::Console;

/// Directory, log, dead letters, carrier, sender, vault, mailer.
#[derive(Default)]
pub struct Wired<D = (), L = (), B = (), C = (), S = (), V = (), E = ()> {
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
    /// Mails.
    pub mailer: E,
}

impl<D: Directory, L, B, C, S, V, E> Directory for Wired<D, L, B, C, S, V, E> {
    fn roster(
        &self,
        tenant: &TenantId,
        fresh_at: Time,
    ) -> impl Future<Output = Result<Option<Arc<Roster>>, Fault>> + Send {
        self.directory.roster(tenant, fresh_at)
    }

    fn switch_off(
        &self,
        configuration: &WebhookVersion,
        reason: DisableReason,
        now: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send {
        self.directory.switch_off(configuration, reason, now)
    }

    fn may_warn(
        &self,
        configuration: &WebhookVersion,
        now: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send {
        self.directory.may_warn(configuration, now)
    }

    fn type_name(
        &self,
        event_type: &EventType,
    ) -> impl Future<Output = Result<Option<String>, Fault>> + Send {
        self.directory.type_name(event_type)
    }
}

impl<D: Marks, L, B, C, S, V, E> Marks for Wired<D, L, B, C, S, V, E> {
    fn mark_slow(
        &self,
        configuration: &WebhookVersion,
        now: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send {
        self.directory.mark_slow(configuration, now)
    }

    fn unmark_slow(
        &self,
        configuration: &WebhookVersion,
        since: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send {
        self.directory.unmark_slow(configuration, since)
    }
}

impl<D, L, B, C, S, V, E: Mailer> Mailer for Wired<D, L, B, C, S, V, E> {
    fn mail(&self, to: &str, letter: &Letter) -> impl Future<Output = ()> + Send {
        self.mailer.mail(to, letter)
    }
}

impl<D, L: Log, B, C, S, V, E> Log for Wired<D, L, B, C, S, V, E> {
    fn event(
        &self,
        tenant: &TenantId,
        event: Ulid,
    ) -> impl Future<Output = Result<Option<Event>, Fault>> + Send {
        self.log.event(tenant, event)
    }

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

    fn keep_last(&self, claimed: &Delivery) -> impl Future<Output = Result<(), Fault>> + Send {
        self.log.keep_last(claimed)
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
        name: &OnceName,
        owner: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        self.log.mark_sent(tenant, name, owner)
    }

    fn note_again(
        &self,
        tenant: &TenantId,
        event: Ulid,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        self.log.note_again(tenant, event)
    }

    fn release_id(
        &self,
        tenant: &TenantId,
        name: &OnceName,
        owner: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        self.log.release_id(tenant, name, owner)
    }
}

impl<D, L, B: DeadLetters, C, S, V, E> DeadLetters for Wired<D, L, B, C, S, V, E> {
    fn bury(&self, dead: &DeadLetter) -> impl Future<Output = Result<(), Fault>> + Send {
        self.dead_letters.bury(dead)
    }
}

impl<D, L, B, C: Carrier, S, V, E> Carrier for Wired<D, L, B, C, S, V, E> {
    fn carry(
        &self,
        errand: &Errand,
        delay: Duration,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        self.carrier.carry(errand, delay)
    }
}

impl<D, L, B, C: SlowLane, S, V, E> SlowLane for Wired<D, L, B, C, S, V, E> {
    fn sidetrack(&self, errand: &Errand) -> impl Future<Output = Result<(), Fault>> + Send {
        self.carrier.sidetrack(errand)
    }
}

impl<D, L, B, C, S: Sender, V, E> Sender for Wired<D, L, B, C, S, V, E> {
    fn post(&self, request: &OutgoingRequest) -> impl Future<Output = Outcome> + Send {
        self.sender.post(request)
    }

    fn hide(
        &self,
        outcome: Outcome,
        secrets: Vec<Secret>,
        within: Duration,
    ) -> impl Future<Output = Outcome> + Send {
        self.sender.hide(outcome, secrets, within)
    }
}

impl<D, L, B, C, S, V: Vault, E> Vault for Wired<D, L, B, C, S, V, E> {
    fn unseal(
        &self,
        to: &Subscription,
        of: CredentialUse<'_>,
        cipher: &str,
    ) -> impl Future<Output = Result<Secret, Fault>> + Send {
        self.vault.unseal(to, of, cipher)
    }
}

impl<D, L, B, C, S, V, E> Witness for Wired<D, L, B, C, S, V, E> {
    fn attempted(&self, delivery: &Delivery, attempt: &Attempt, verdict: Verdict) {
        Console.attempted(delivery, attempt, verdict);
    }

    fn refused(&self, dead: &DeadLetter) {
        Console.refused(dead);
    }

    fn given_up(&self, dead: &DeadLetter) {
        Console.given_up(dead);
    }

    fn accepted(&self) {
        Console.accepted();
    }

    fn paced(&self, webhook: &WebhookId, is_slow: bool) {
        Console.paced(webhook, is_slow);
    }
}

impl<D, L, B, C, S, V, E> Moment for Wired<D, L, B, C, S, V, E> {
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

    fn hide(
        &self,
        outcome: Outcome,
        secrets: Vec<Secret>,
        within: Duration,
    ) -> impl Future<Output = Outcome> + Send {
        Self::hide(self, outcome, secrets, within)
    }
}
