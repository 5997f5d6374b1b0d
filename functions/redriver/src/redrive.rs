//! Redrives a job's dead letters.

use adapters::config::ConfigTable;
use adapters::dead_letters::{DeadLetterTable, DeadMessage, MessageRedrive};
use adapters::delivery_store::DeliveryTable;
use adapters::event_queue::SqsEventQueue;
use adapters::telemetry;
use domain::dead_letter::{Body, DeadLetter};
use domain::ports::{DeliveryStore as _, Fault, Redrive, RedriveJob, RedriveOutcome};
use domain::time::Time;
use serde_json::json;

/// Redrives a job's dead letters: a delivery in the log, or a message, which becomes an event.
pub(crate) struct JobRedrive {
    pub(crate) store: DeliveryTable,
    pub(crate) dead_letters: DeadLetterTable,
    /// The systems for the redrive of a message.
    pub(crate) config: ConfigTable,
    pub(crate) events: SqsEventQueue,
    pub(crate) trusted_senders: Vec<String>,
}

impl Redrive for JobRedrive {
    async fn redrive_for_job(
        &self,
        job: &RedriveJob,
        dead: &DeadLetter,
        now: Time,
    ) -> Result<RedriveOutcome, Fault> {
        if let Body::Message { .. } = dead.body {
            return self.announce(job, dead).await;
        }
        match self.store.redrive_delivery(dead, Some(job.id), now).await {
            Ok(Some(delivery)) => return Ok(RedriveOutcome::Redriven(Box::new(delivery))),
            Ok(None) => {}
            Err(fault) => return impossible_if_permanent(job, dead, fault),
        }
        self.marked(job, dead).await
    }
}

impl JobRedrive {
    /// Announces the event of a message's dead letter again, or finds that another caller just did.
    async fn announce(&self, job: &RedriveJob, dead: &DeadLetter) -> Result<RedriveOutcome, Fault> {
        let Body::Message {
            text: Some(text),
            sender,
            message_id,
        } = &dead.body
        else {
            return Ok(RedriveOutcome::Impossible);
        };
        let redrive = MessageRedrive {
            config: &self.config,
            store: &self.store,
            events: &self.events,
            dead_letters: &self.dead_letters,
            trusted_senders: &self.trusted_senders,
        };
        let message = DeadMessage {
            text,
            sender,
            message_id,
        };
        match redrive.redrive(dead, &message, Some(job.id)).await {
            // Several callers may have announced it, possibly together: the mark decides which one
            // redrove it.
            Ok(Ok(_)) => Ok(match self.marked(job, dead).await? {
                RedriveOutcome::AlreadyByThisJob => RedriveOutcome::Announced,
                other => other,
            }),
            Ok(Err(_)) => Ok(RedriveOutcome::Impossible),
            Err(fault) => impossible_if_permanent(job, dead, fault),
        }
    }

    /// The redriver of a dead letter, from its mark.
    async fn marked(&self, job: &RedriveJob, dead: &DeadLetter) -> Result<RedriveOutcome, Fault> {
        let kept = self.dead_letters.get(dead.tenant.as_ref(), dead.id).await?;
        Ok(match kept {
            Some(kept) if kept.redriven_by == Some(job.id) => RedriveOutcome::AlreadyByThisJob,
            Some(kept) if kept.redriven_at.is_none() => RedriveOutcome::Impossible,
            _ => RedriveOutcome::AlreadyByAnother,
        })
    }
}

/// A dead letter that no repetition can redrive stays dead, and the job continues.
fn impossible_if_permanent(
    job: &RedriveJob,
    dead: &DeadLetter,
    fault: Fault,
) -> Result<RedriveOutcome, Fault> {
    if fault.is_transient() {
        return Err(fault);
    }
    let fields = json!({"job_id": job.id.to_string(), "dead_letter_id": dead.id.to_string()});
    telemetry::fault("dead_letter.redrive_failed", &fault, &fields);
    Ok(RedriveOutcome::Impossible)
}
