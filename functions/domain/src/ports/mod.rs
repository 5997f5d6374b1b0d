//! What the domain needs of the world, in its own words. The adapters implement these with AWS; tests with memory.
//!
//! Every call may fail with a [`Fault`]: our own failure, never a receiver's. A `Fault` before a request left means that nothing happened; a
//! `Fault` after it means that the message comes back and the record is looked at again.

mod erasure;
mod errand;
mod jobs;
mod keys;
mod mail;
mod once;
mod revival;
mod slow;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::contract::Secret;
use crate::credential::CredentialUse;
use crate::dead_letter::DeadLetter;
use crate::delivery::{Attempt, Delivery, DisableReason, Verdict};
use crate::event::Event;
use crate::event_type::EventType;
use crate::ids::{DeliveryId, TenantId, WebhookId};
use crate::outcome::{Outcome, OutgoingRequest};
use crate::tenant::{Roster, Subscription, WebhookVersion};
use crate::time::Time;
use crate::ulid::Ulid;

pub use erasure::{Due, Erasure};
pub use errand::{Errand, Task};
pub use jobs::{
    DeadLetterFilter, Job, JobCalls, JobErrand, JobStatus, Jobs, MAX_RUNNING_JOBS, PutBack,
    RunningJobs, Step, Tally,
};
pub use keys::Keys;
pub use mail::{Letter, Mailer, Occasion};
pub use once::{IdClaim, IdRequest, OnceName};
pub use revival::{MAX_MANUAL_ATTEMPTS, NotAsked, Revival};
pub use slow::{Marks, SlowLane};

/// Our own failure, named for its stage.
#[derive(Debug, thiserror::Error)]
#[error("{stage:?}: {source}")]
pub struct Fault {
    /// Where it happened.
    pub stage: Stage,
    /// What happened, for our own log only.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// The stages at which Postel itself can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "those without a comment are their name")]
pub enum Stage {
    ReadConfig,
    WriteConfig,
    ReadLog,
    Claim,
    /// Somebody else is at work on it and has not ended yet.
    Busy,
    /// Writing what came of a request that has left.
    Record,
    Enqueue,
    /// A message was sent and no answer came: the queue may have it or not.
    Unsure,
    Decrypt,
    Encrypt,
    DeadLetter,
    /// The invocation had no time left for an attempt.
    NoTime,
    /// A bug: the code behind a message panicked.
    Panic,
    /// What is stored cannot be read: another version wrote it, or somebody by hand. Trying again does not help.
    Corrupt,
}

impl Fault {
    /// A fault of a stage.
    pub fn new(stage: Stage, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            stage,
            source: source.into(),
        }
    }
}

/// Who works on a delivery, and until when nobody else may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Random, per attempt.
    pub owner: String,
    /// The end.
    pub until: Time,
}

/// What came of claiming a delivery.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// The lease is ours.
    Ours(Box<Delivery>),
    /// Somebody else's lease runs until then.
    Busy(Time),
    /// The delivery has moved on; this is where it stands.
    Stale(Box<Delivery>),
    /// There is no such delivery.
    Missing,
}

/// An event and what became of it so far.
#[derive(Clone, Debug)]
pub struct Record {
    /// The event.
    pub event: Event,
    /// Its deliveries.
    pub deliveries: Vec<Recorded>,
    /// Whether it was announced more than once.
    pub again: bool,
    /// Whether each of its deliveries could be read. Where one could not, the others are here.
    pub is_whole: bool,
}

impl Record {
    /// For whoever takes a delivery that is not there for missing, and would make it anew.
    ///
    /// # Errors
    /// If a delivery could not be read.
    pub fn whole(self) -> Result<Self, Fault> {
        if self.is_whole {
            return Ok(self);
        }
        Err(Fault::new(
            Stage::Corrupt,
            "a delivery of this event cannot be read",
        ))
    }

    /// One of its deliveries; none if it has no such.
    ///
    /// # Errors
    /// If it is not among those that could be read, and one could not.
    pub fn delivery(self, id: &DeliveryId) -> Result<Option<Recorded>, Fault> {
        let is_whole = self.is_whole;
        let mut deliveries = self.deliveries.into_iter();
        match deliveries.find(|recorded| recorded.delivery.id == *id) {
            None if !is_whole => Err(Fault::new(
                Stage::Corrupt,
                "this delivery may be the one that cannot be read",
            )),
            found => Ok(found),
        }
    }
}

/// A delivery in the log.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The delivery.
    pub delivery: Delivery,
    /// Whether it lives inside its event's item (a success at the first attempt) and has no life of its own.
    pub embedded: bool,
}

/// Tenants and webhooks.
pub trait Directory {
    /// A tenant and its subscriptions, read no earlier than `fresh_at` or, if that is long ago, within the last ten seconds.
    fn roster(
        &self,
        tenant: &TenantId,
        fresh_at: Time,
    ) -> impl Future<Output = Result<Option<Arc<Roster>>, Fault>> + Send;
    /// Switches a webhook off if it is still of this version. True if it was on and this call did it.
    fn switch_off(
        &self,
        configuration: &WebhookVersion,
        reason: DisableReason,
        now: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Marks that the tenant is warned of a webhook that is still of this version. True if nobody was warned within the last day.
    fn may_warn(
        &self,
        configuration: &WebhookVersion,
        now: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// What the operator's catalogue calls a type.
    fn type_name(
        &self,
        event_type: &EventType,
    ) -> impl Future<Output = Result<Option<String>, Fault>> + Send;
}

/// Events and deliveries.
pub trait Log {
    /// An event and its deliveries, strongly consistent.
    fn read(
        &self,
        tenant: &TenantId,
        event: Ulid,
    ) -> impl Future<Output = Result<Option<Record>, Fault>> + Send;
    /// An event by itself, strongly consistent, whatever and however much stands beside it.
    fn event(
        &self,
        tenant: &TenantId,
        event: Ulid,
    ) -> impl Future<Output = Result<Option<Event>, Fault>> + Send;
    /// Writes an event with the deliveries that end inside it. False if another writer was first; our own lost answer counts as true.
    fn store(
        &self,
        event: &Event,
        ended: &[Delivery],
        owner: &str,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Writes a delivery of its own life, with its dead letter in one transaction. False if another writer was first.
    fn open(
        &self,
        delivery: &Delivery,
        dead: Option<&DeadLetter>,
        owner: &str,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Takes the lease for one errand, by a conditional write.
    fn claim(
        &self,
        errand: &Errand,
        lease: &Lease,
        now: Time,
    ) -> impl Future<Output = Result<Claim, Fault>> + Send;
    /// Keeps a claimed delivery's last attempt where the next one will not take its place. Done before that one is sent: then nothing but its outcome
    /// is left to write after it.
    fn keep_last(&self, claimed: &Delivery) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Ends the lease and writes what came of it, [rebased](Delivery::rebased) on what others did since the claim; a delivery whose manual attempt
    /// waits stays among what is due. False if the lease was lost to another meanwhile.
    fn commit(
        &self,
        before: &Delivery,
        after: &Delivery,
        dead: Option<&DeadLetter>,
        owner: &str,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Claims a name for 24 hours.
    fn claim_id(
        &self,
        request: &IdRequest<'_>,
    ) -> impl Future<Output = Result<IdClaim, Fault>> + Send;
    /// The event of a claimed name is stored and sent.
    fn mark_sent(
        &self,
        tenant: &TenantId,
        name: &OnceName,
        owner: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Notes that a stored event is about to be announced once more. From now on its first attempts are claimed like all others.
    fn note_again(
        &self,
        tenant: &TenantId,
        event: Ulid,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Gives an unsent name free again, so that the caller may repeat at once.
    fn release_id(
        &self,
        tenant: &TenantId,
        name: &OnceName,
        owner: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Deliveries that nothing seems to carry, and events to be erased once more.
pub trait Overdue {
    /// Up to `limit` of what was due before `now` in one shard of the index.
    fn overdue(
        &self,
        shard: u8,
        now: Time,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Due>, Fault>> + Send;
    /// Not to be looked at again before `until`, unless it moves on.
    fn postpone(
        &self,
        errand: &Errand,
        until: Time,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The dead-letter table.
pub trait DeadLetters {
    /// Writes a dead letter; the same one again changes nothing.
    fn bury(&self, dead: &DeadLetter) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The way to the next attempt: an SQS delay or a one-time schedule.
pub trait Carrier {
    /// Brings an errand back after a delay; at least once, not before the delay is over.
    fn carry(
        &self,
        errand: &Errand,
        delay: Duration,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The way of a stored event to the dispatcher.
pub trait Outbox {
    /// Sends a stored event's key to the events queue. [`Stage::Unsure`] if it may have arrived all the same.
    ///
    /// `again` tells that it may be there already: the message comes late then, after every dispatcher has ended that knew nothing of it.
    fn announce(
        &self,
        tenant: &TenantId,
        event: Ulid,
        again: bool,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
    /// The same for many, in as few requests as the queue allows. The keys that the queue did not take.
    fn announce_all(
        &self,
        tenant: &TenantId,
        events: &[Ulid],
        again: bool,
    ) -> impl Future<Output = Vec<(Ulid, Fault)>> + Send;
}

/// The only way out to receivers.
pub trait Sender {
    /// POSTs once. Whatever happens is an outcome.
    fn post(&self, request: &OutgoingRequest) -> impl Future<Output = Outcome> + Send;
    /// The outcome as it is kept, [without these secrets](Outcome::hiding). With many secrets that begin alike this takes as long as ten records: whoever has
    /// threads for what receivers send does it there, and keeps less of the outcome where it would take longer than `within`.
    fn hide(
        &self,
        outcome: Outcome,
        secrets: Vec<Secret>,
        _within: Duration,
    ) -> impl Future<Output = Outcome> + Send {
        async move { outcome.hiding(secrets.iter().map(Secret::expose)) }
    }
}

/// Credentials at rest.
pub trait Vault {
    /// Opens a credential that was sealed with the tenant's keys for this webhook and this use. [`Stage::Corrupt`] if it never opens.
    fn unseal(
        &self,
        to: &Subscription,
        of: CredentialUse<'_>,
        cipher: &str,
    ) -> impl Future<Output = Result<Secret, Fault>> + Send;
}

/// Who writes down what happened: one log line an attempt, and the counters.
pub trait Witness {
    /// An attempt was made.
    fn attempted(&self, delivery: &Delivery, attempt: &Attempt, verdict: Verdict);
    /// A message was refused.
    fn refused(&self, dead: &DeadLetter);
    /// A delivery was given up without an attempt.
    fn given_up(&self, dead: &DeadLetter);
    /// An event was accepted at the SQS door.
    fn accepted(&self);
    /// A webhook goes to the slow lane, or comes back from it.
    fn paced(&self, webhook: &WebhookId, is_slow: bool);
}

/// Time and chance.
pub trait Moment {
    /// Now.
    fn now(&self) -> Time;
    /// Waits.
    fn pause(&self, length: Duration) -> impl Future<Output = ()> + Send;
    /// In 0..1.
    fn fraction(&self) -> f64;
    /// Sixteen random bytes.
    fn entropy(&self) -> [u8; 16];

    /// A new log key.
    fn ulid(&self) -> Ulid {
        let mut short = [0u8; 10];
        short
            .iter_mut()
            .zip(self.entropy())
            .for_each(|(to, from)| *to = from);
        Ulid::new(self.now(), short)
    }

    /// A random word that marks our own writes: 48 bits in hex, enough to tell apart the few that meet at one item.
    fn owner(&self) -> String {
        hex::encode(self.entropy().get(..6).unwrap_or_default())
    }
}
