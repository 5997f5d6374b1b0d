//! The dispatcher and the dead-letter consumer over fake ports that record every call and answer as
//! the test sets. The simulator checks what must hold in every sequence of faults. These tests
//! check which calls one message makes when nothing fails: an unnecessary detour over a queue loses
//! nothing, and is still wrong.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::FutureExt as _;

use self::call::Call;
use super::*;
use crate::contract::{Contract, Secret, builtin};
use crate::credential::{CredentialUse, SealingKeys};
use crate::dead_letter::{Body, DeadLetter, Reason};
use crate::delivery::{Attempt, Delivery, DisableReason, Status, Trigger, Verdict};
use crate::event::{self, Event};
use crate::event_type::{EventFilter, EventType};
use crate::ids::{DeliveryId, TenantId, WebhookId};
use crate::outcome::{FailureKind, Outcome, OutgoingRequest};
use crate::payload::{Content, Payload};
use crate::ports::{
    AttemptContext, Clock, ConfigStore, DeliveryStore, DeliveryTask, Due, DueIndex, EventIdClaim,
    EventIdRequest, EventQueue, Fault, Lease, LeaseResult, Mailer, NotAsked, Notification,
    NotificationKind, OnceName, Overdue, RedriveJob, RedriveJobMessage, RedriveJobQueue,
    RunningRedriveJobs, SecretCipher, Sender, SlowTaskQueue, Stage, StoredDelivery, StoredEvent,
    TaskKind, TaskQueue, Telemetry,
};
use crate::signing_secrets::SigningSecrets;
use crate::tenant::{
    EncryptedBasicAuth, EncryptedHeader, Limits, Subscription, Tenant, TenantSnapshot, Webhook,
    WebhookVersion,
};
use crate::time::Time;
use crate::ulid::Ulid;

mod at_a_time;
mod attempt;
mod call;
mod config;
mod credentials;
mod delivery_task;
mod dlq;
mod erase;
mod event_message;
mod filters;
mod fixtures;
mod format;
mod notify;
mod publish;
mod redrive;
mod sweep;
mod test_event;

const NOW: Time = Time::from_millis(1_767_225_600_000);
const PUBLISHER: &str = "AROAPUBLISHER";

/// The state behind the fake ports. Every call succeeds unless a test sets otherwise.
struct FakePorts {
    /// The tenant's rows cannot be read.
    is_config_corrupt: bool,
    /// The rows of the log cannot be read.
    is_log_corrupt: bool,
    snapshot: Option<TenantSnapshot>,
    record: Option<StoredEvent>,
    claim: Option<LeaseResult>,
    id_claim: Option<EventIdClaim>,
    answer: Outcome,
    /// Whether this writer is the first.
    wins: bool,
    /// Whether a conditional call changes something: the webhook was active, no warning was sent.
    did: bool,
    type_name: Option<String>,
    now: Mutex<Time>,
    /// How long a POST takes, and how long one of the sweeper's queries takes.
    takes: Duration,
    /// Whether a POST yields to other tasks before it ends.
    lingers: bool,
    /// How many POSTs are in flight now, and the maximum so far.
    under_way: Mutex<(usize, usize)>,
    /// The results of the next announcements; once empty, announcements succeed.
    queue_faults: Mutex<Vec<Stage>>,
    /// The manual token that is already pending.
    waiting: Option<String>,
    revived: Option<Delivery>,
    /// The pages of overdue deliveries that the sweeper finds, by shard.
    overdue: Mutex<BTreeMap<u8, Vec<Vec<Overdue>>>>,
    /// Of first attempts.
    latencies: Mutex<Vec<Duration>>,
    /// The running jobs that the sweeper finds; `None` if the table does not answer.
    running: Option<Vec<RedriveJob>>,
    calls: Mutex<Vec<Call>>,
}

one_for_all! {
    FakePorts:
    DispatcherDeps { Store store, Config config, Tasks tasks, Sender sender, Cipher cipher, Mailer mailer, Telemetry telemetry, Clock clock }
    DlqConsumerDeps { Store store, Config config, Telemetry telemetry, Clock clock }
    SweeperDeps { Due due, Tasks tasks, Jobs jobs, RedriveJobQueue job_queue, Clock clock }
}

impl DeliveryStore for FakePorts {
    async fn get_event(&self, tenant: &TenantId, event: Ulid) -> Result<Option<Event>, Fault> {
        Ok(self
            .get_stored_event(tenant, event)
            .await?
            .map(|record| record.event))
    }

    async fn get_stored_event(&self, _: &TenantId, _: Ulid) -> Result<Option<StoredEvent>, Fault> {
        if self.is_log_corrupt {
            return Err(Fault::corrupt(Stage::ReadStore, "a row cannot be read"));
        }
        Ok(self.record.clone())
    }

    async fn put_event(&self, _: &Event, inline: &[Delivery], _: &str) -> Result<bool, Fault> {
        self.write(Call::PutEvent(inline.to_vec()));
        Ok(self.wins)
    }

    async fn create_delivery(
        &self,
        delivery: &Delivery,
        dead: Option<&DeadLetter>,
        _: &str,
    ) -> Result<bool, Fault> {
        self.write(Call::CreateDelivery(delivery.clone(), dead.cloned()));
        Ok(self.wins)
    }

    async fn acquire_lease(
        &self,
        _: &DeliveryTask,
        _: &Lease,
        _: Time,
    ) -> Result<LeaseResult, Fault> {
        if self.is_log_corrupt {
            return Err(Fault::corrupt(Stage::ReadStore, "a row cannot be read"));
        }
        Ok(self.claim.clone().unwrap_or(LeaseResult::NotFound))
    }

    async fn archive_last_attempt(&self, _: &Delivery) -> Result<(), Fault> {
        Ok(())
    }

    async fn complete_attempt(
        &self,
        _: &Delivery,
        after: &Delivery,
        dead: Option<&DeadLetter>,
        _: &str,
    ) -> Result<bool, Fault> {
        self.write(Call::CompleteAttempt(after.clone(), dead.cloned()));
        Ok(self.wins)
    }

    async fn claim_event_id(&self, request: &EventIdRequest<'_>) -> Result<EventIdClaim, Fault> {
        Ok(self.id_claim.clone().unwrap_or(EventIdClaim::Acquired {
            key: request.key,
            is_taken_over: false,
        }))
    }

    async fn mark_event_id_accepted(
        &self,
        _: &TenantId,
        _: &OnceName,
        _: &str,
    ) -> Result<(), Fault> {
        self.write(Call::MarkEventIdAccepted);
        Ok(())
    }

    async fn require_lease_for_first_attempts(
        &self,
        _: &TenantId,
        key: Ulid,
        _: Time,
    ) -> Result<(), Fault> {
        self.write(Call::RequireLease(key));
        Ok(())
    }

    async fn release_event_id(&self, _: &TenantId, _: &OnceName, _: &str) -> Result<(), Fault> {
        self.write(Call::ReleaseEventId);
        Ok(())
    }

    async fn request_manual_retry(
        &self,
        _: &TenantId,
        _: &DeliveryId,
        token: &str,
        _: Time,
    ) -> Result<Result<String, NotAsked>, Fault> {
        let waits = self.waiting.clone().unwrap_or_else(|| token.to_owned());
        Ok(self.did.then_some(waits).ok_or(NotAsked::Missing))
    }

    async fn redrive_delivery(
        &self,
        _: &DeadLetter,
        _: Option<Ulid>,
        _: Time,
    ) -> Result<Option<Delivery>, Fault> {
        Ok(self.revived.clone())
    }

    async fn put_dead_letter(&self, dead: &DeadLetter) -> Result<(), Fault> {
        self.write(Call::PutDeadLetter(dead.clone()));
        Ok(())
    }
}

impl EventQueue for FakePorts {
    async fn send(&self, tenant: &TenantId, event: Ulid, again: bool) -> Result<(), Fault> {
        let refused = self.send_all(tenant, &[event], again).await;
        refused
            .into_iter()
            .next()
            .map_or(Ok(()), |(_, fault)| Err(fault))
    }

    async fn send_all(&self, _: &TenantId, events: &[Ulid], again: bool) -> Vec<(Ulid, Fault)> {
        self.write(Call::SendEvents(events.to_vec(), again));
        let mut stages = self.queue_faults.lock().unwrap();
        let count = events.len().min(stages.len());
        events
            .iter()
            .zip(stages.drain(..count))
            .map(|(key, stage)| (*key, Fault::transient(stage, "not taken")))
            .collect()
    }
}

impl DueIndex for FakePorts {
    async fn list_overdue(&self, shard: u8, now: Time, _: u32) -> Result<Vec<Overdue>, Fault> {
        self.write(Call::Overdue(shard, now));
        let mut now = self.now.lock().unwrap();
        *now = now.plus(self.takes);
        let mut shards = self.overdue.lock().unwrap();
        let pages = shards.entry(shard).or_default();
        Ok(pages.pop().unwrap_or_default())
    }

    async fn postpone(&self, task: &DeliveryTask, until: Time) -> Result<(), Fault> {
        self.write(Call::Postpone(task.clone(), until));
        Ok(())
    }

    async fn erase(
        &self,
        _: &TenantId,
        event: Ulid,
        _: Time,
        again: Option<Time>,
    ) -> Result<Option<Vec<DeliveryTask>>, Fault> {
        self.write(Call::Erase(event, again));
        Ok(self.did.then(|| {
            let waits = fixtures::fresh();
            vec![fixtures::task(&waits, TaskKind::Scheduled(waits.sequence))]
        }))
    }
}

impl RedriveJobQueue for FakePorts {
    async fn enqueue_continuation(
        &self,
        message: &RedriveJobMessage,
        delay: Duration,
    ) -> Result<(), Fault> {
        self.write(Call::StartJob(message.clone(), delay));
        Ok(())
    }
}

impl TaskQueue for FakePorts {
    async fn schedule(&self, task: &DeliveryTask, delay: Duration) -> Result<(), Fault> {
        self.write(Call::ScheduleTask(task.clone(), delay));
        Ok(())
    }
}

impl SlowTaskQueue for FakePorts {
    async fn send_slow(&self, task: &DeliveryTask) -> Result<(), Fault> {
        self.write(Call::SendSlow(task.clone()));
        Ok(())
    }
}

impl Sender for FakePorts {
    async fn post(&self, request: &OutgoingRequest, _: &AttemptContext<'_>) -> Outcome {
        self.write(Call::Post(request.clone()));
        if self.lingers {
            self.linger().await;
        }
        let mut now = self.now.lock().unwrap();
        *now = now.plus(self.takes);
        self.answer.clone()
    }
}

impl SecretCipher for FakePorts {
    async fn decrypt(
        &self,
        _: &Subscription,
        _: CredentialUse<'_>,
        cipher: &str,
    ) -> Result<Secret, Fault> {
        if cipher == "corrupt" {
            return Err(Fault::corrupt(Stage::Decrypt, "it does not open"));
        }
        Ok(Secret::new(cipher.to_owned()))
    }
}

impl Mailer for FakePorts {
    async fn send(&self, to: &str, notification: &Notification) {
        self.write(Call::SendMail(to.to_owned(), notification.clone()));
    }
}

impl Telemetry for FakePorts {
    fn attempt_finished(&self, _: &Delivery, attempt: &Attempt, _: Verdict) {
        self.write(Call::AttemptFinished(attempt.number, attempt.trigger));
    }

    fn first_attempt_finished(&self, latency: Duration) {
        self.latencies.lock().unwrap().push(latency);
    }

    fn message_rejected(&self, _: &DeadLetter) {
        self.write(Call::MessageRejected);
    }

    fn message_unreadable(&self, _: &str, fault: &Fault) {
        self.write(Call::MessageUnreadable(fault.stage));
    }

    fn message_lost(&self, delivery: &Delivery) {
        self.write(Call::MessageLost(delivery.lost.count));
    }

    fn delivery_abandoned(&self, _: &DeadLetter) {
        self.write(Call::DeliveryAbandoned);
    }

    fn event_accepted(&self) {
        self.write(Call::EventAccepted);
    }

    fn slow_lane_changed(&self, _: &WebhookVersion, is_slow: bool) {
        self.write(Call::SlowLaneChanged(is_slow));
    }
}

impl Clock for FakePorts {
    fn now(&self) -> Time {
        *self.now.lock().unwrap()
    }

    async fn sleep(&self, _: Duration) {}

    fn random_unit(&self) -> f64 {
        0.0
    }

    fn random_bytes(&self) -> [u8; 16] {
        [7; 16]
    }
}
