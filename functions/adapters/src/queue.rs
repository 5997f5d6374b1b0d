//! The queues and the scheduler: how an errand comes back.
//!
//! Cost: one SQS request for a delay of up to 15 minutes; one schedule and the request it makes beyond. What breaks first at scale is the
//! scheduler's invocation quota (1,000 a second by default), which is why contracts add jitter.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode,
    RetryPolicy, Target,
};
use domain::ids::TenantId;
use domain::ports::{Carrier, Errand, Fault, JobCalls, JobErrand, SlowLane, Stage, Task};

use crate::clients;
use crate::clock::now;

/// Sends to one queue, each message in its tenant's group: SQS fair queues then keep a busy tenant from delaying the others.
pub struct Queue {
    sqs: aws_sdk_sqs::Client,
    url: String,
}

impl Queue {
    /// The queue of a URL.
    #[must_use]
    pub fn new(aws: &SdkConfig, url: String) -> Self {
        Self {
            sqs: clients::sqs(aws),
            url,
        }
    }

    async fn send(&self, tenant: &TenantId, body: String, delay: Duration) -> Result<(), Fault> {
        // Rounded up: an attempt is never earlier than promised.
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        self.sqs
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .message_group_id(tenant.as_str())
            .set_delay_seconds((seconds > 0).then(|| i32::try_from(seconds).unwrap_or(900)))
            .send()
            .await
            .map(|_| ())
            .map_err(|e| Fault::new(Stage::Enqueue, e))
    }
}

impl JobCalls for Queue {
    async fn call(&self, errand: &JobErrand, delay: Duration) -> Result<(), Fault> {
        let body = serde_json::to_string(errand).map_err(|e| Fault::new(Stage::Enqueue, e))?;
        self.send(&errand.tenant_id, body, delay.min(LONGEST_SQS_DELAY))
            .await
    }
}

/// Carries errands that are due at once: what a function without schedules needs.
pub struct AtOnce(pub Queue);

impl Carrier for AtOnce {
    async fn carry(&self, errand: &Errand, delay: Duration) -> Result<(), Fault> {
        self.0
            .send(
                &errand.tenant_id,
                text(errand)?,
                delay.min(LONGEST_SQS_DELAY),
            )
            .await
    }
}

/// SQS's own limit (`DelaySeconds`, 0 to 900).
pub(crate) const LONGEST_SQS_DELAY: Duration = Duration::from_secs(900);

/// Where schedules are made and what they send to.
pub struct ScheduleSettings {
    /// The schedule group.
    pub group: String,
    /// The role that the scheduler takes on.
    pub role: String,
    /// The deliveries queue.
    pub target: String,
    /// Where a schedule's message goes that could not be sent.
    pub dead_letters: String,
    /// Delays above go to the scheduler. It fires within a minute, not a second, so it is never used for short ones.
    pub above: Duration,
}

/// Carries errands by SQS delay or by one-time schedule, and puts those of slow webhooks on the slow lane.
pub struct Postman {
    queue: Queue,
    slow: Queue,
    scheduler: aws_sdk_scheduler::Client,
    settings: ScheduleSettings,
}

impl Postman {
    /// Over the deliveries queue, the slow lane's and a schedule group.
    #[must_use]
    pub fn new(aws: &SdkConfig, queue: Queue, slow: Queue, settings: ScheduleSettings) -> Self {
        Self {
            queue,
            slow,
            scheduler: clients::scheduler(aws),
            settings,
        }
    }

    async fn schedule(&self, errand: &Errand, delay: Duration) -> Result<(), Fault> {
        let fault = |e: String| Fault::new(Stage::Enqueue, e);
        let window = FlexibleTimeWindow::builder()
            .mode(FlexibleTimeWindowMode::Off)
            .build()
            .map_err(|e| fault(e.to_string()))?;
        let target = Target::builder()
            .arn(&self.settings.target)
            .role_arn(&self.settings.role)
            .input(text(errand)?)
            .dead_letter_config(
                DeadLetterConfig::builder()
                    .arn(&self.settings.dead_letters)
                    .build(),
            )
            .retry_policy(
                RetryPolicy::builder()
                    .maximum_retry_attempts(20)
                    .maximum_event_age_in_seconds(3600)
                    .build(),
            )
            .build()
            .map_err(|e| fault(e.to_string()))?;
        // `at` has whole seconds and no zone: UTC. Rounded up.
        let due = now().plus(delay + Duration::from_millis(999)).rfc3339();
        let at = due.split('.').next().unwrap_or_default();
        let answer = self
            .scheduler
            .create_schedule()
            .group_name(&self.settings.group)
            .name(schedule_name(errand))
            .schedule_expression(format!("at({at})"))
            .flexible_time_window(window)
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(target)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            // Made before, by ourselves: the answer was lost, or the message came back.
            Err(e)
                if e.as_service_error()
                    .is_some_and(|s| s.is_conflict_exception()) =>
            {
                Ok(())
            }
            Err(e) => Err(Fault::new(Stage::Enqueue, e)),
        }
    }
}

impl Carrier for Postman {
    async fn carry(&self, errand: &Errand, delay: Duration) -> Result<(), Fault> {
        if delay > self.settings.above.min(LONGEST_SQS_DELAY) {
            self.schedule(errand, delay).await
        } else {
            self.queue
                .send(&errand.tenant_id, text(errand)?, delay)
                .await
        }
    }
}

impl SlowLane for Postman {
    async fn sidetrack(&self, errand: &Errand) -> Result<(), Fault> {
        self.slow
            .send(&errand.tenant_id, text(errand)?, Duration::ZERO)
            .await
    }
}

/// At most 64 characters of `[0-9a-zA-Z-_.]`, the same for the same attempt, so that making it again conflicts instead of doubling. A delivery id is
/// unique over all tenants: it holds 100 random bits of its webhook.
fn schedule_name(errand: &Errand) -> String {
    match &errand.task {
        Task::Ticket(ticket) => format!("{}-{ticket}", errand.delivery_id),
        Task::Manual(token) => format!("{}-{token}", errand.delivery_id)
            .chars()
            .take(64)
            .collect(),
    }
}

fn text(errand: &Errand) -> Result<String, Fault> {
    serde_json::to_string(errand).map_err(|e| Fault::new(Stage::Enqueue, e))
}

#[cfg(test)]
mod tests {
    use domain::ids::{DeliveryId, WebhookId};
    use domain::time::Time;
    use domain::ulid::Ulid;

    use super::*;

    #[test]
    fn a_schedules_name_fits_and_tells_attempts_apart() {
        let delivery_id = DeliveryId {
            event: Ulid::derived(Time::from_millis(1), "x"),
            webhook: WebhookId::new([1; 16]),
        };
        let errand = |task| Errand {
            tenant_id: "t".parse().unwrap(),
            delivery_id: delivery_id.clone(),
            task,
        };
        let names = [
            Task::Ticket(1),
            Task::Ticket(u32::MAX),
            Task::Manual("a".repeat(12)),
        ]
        .map(|t| schedule_name(&errand(t)));
        assert!(names.iter().all(|n| {
            n.len() <= 64
                && n.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        }));
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn an_errand_reads_as_written() {
        let text = r#"{"tenantId":"t","deliveryId":"dlv_00000000000000000000000001abcdefghjkmnpqrstvwx","ticket":3}"#;
        let errand: Errand = serde_json::from_str(text).unwrap();
        assert_eq!(errand.task, Task::Ticket(3));
        assert_eq!(serde_json::to_string(&errand).unwrap(), text);
    }
}
