//! The queues and the scheduler, which carry delivery tasks.
//!
//! Cost: one SQS request for a delay of up to 15 minutes; beyond that, one schedule and the request
//! it makes. The first limit at scale is the scheduler's invocation quota (1,000 a second by
//! default), which is why contracts add jitter.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode,
    RetryPolicy, Target,
};
use domain::ids::TenantId;
use domain::ports::{
    DeliveryTask, Fault, OrFault as _, RedriveJobMessage, RedriveJobQueue, SlowTaskQueue, Stage,
    TaskKind, TaskQueue,
};
use domain::time::Time;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::aws_error::{OrAwsFault as _, aws_fault};
use crate::clients;
use crate::clock::now;

/// Sends to one queue, each message in its tenant's group: SQS fair queues then keep a busy tenant
/// from delaying the others.
pub struct Queue {
    sqs: aws_sdk_sqs::Client,
    url: String,
}

impl Queue {
    /// The queue at a URL.
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
            .or_fault(Stage::Enqueue)
    }
}

impl RedriveJobQueue for Queue {
    async fn enqueue_continuation(
        &self,
        message: &RedriveJobMessage,
        delay: Duration,
    ) -> Result<(), Fault> {
        let delay = delay.min(MAX_SQS_DELAY);
        self.send(&message.tenant_id, text(message)?, delay).await
    }
}

/// Sends tasks that are due at once, for functions that schedule nothing.
pub struct ImmediateTaskQueue(pub Queue);

impl TaskQueue for ImmediateTaskQueue {
    async fn schedule(&self, task: &DeliveryTask, delay: Duration) -> Result<(), Fault> {
        self.0
            .send(&task.tenant_id, text(task)?, delay.min(MAX_SQS_DELAY))
            .await
    }
}

/// SQS's own limit (`DelaySeconds`, 0 to 900).
pub(crate) const MAX_SQS_DELAY: Duration = Duration::from_secs(900);

/// Where schedules are created and what they send to.
pub struct ScheduleSettings {
    /// The schedule group.
    pub group: String,
    /// The role that the scheduler assumes.
    pub role: String,
    /// The deliveries queue.
    pub target: String,
    /// The dead-letter queue of schedules whose message could not be sent.
    pub dead_letters: String,
    /// Longer delays go to the scheduler. It fires within a minute, not a second, so it is never
    /// used for short ones.
    pub above: Duration,
}

/// Schedules tasks with an SQS delay or a one-time schedule, and sends those of slow webhooks to
/// the slow lane.
pub struct TaskScheduler {
    queue: Queue,
    slow: Queue,
    scheduler: aws_sdk_scheduler::Client,
    settings: ScheduleSettings,
}

impl TaskScheduler {
    /// With the deliveries queue, the slow lane and a schedule group.
    #[must_use]
    pub fn new(aws: &SdkConfig, queue: Queue, slow: Queue, settings: ScheduleSettings) -> Self {
        Self {
            queue,
            slow,
            scheduler: clients::scheduler(aws),
            settings,
        }
    }

    /// Creates the schedule that fires at a whole second.
    async fn create_schedule(&self, task: &DeliveryTask, due: Time) -> Result<(), Fault> {
        let window = FlexibleTimeWindow::builder()
            .mode(FlexibleTimeWindowMode::Off)
            .build()
            .or_bug(Stage::Enqueue)?;
        let target = Target::builder()
            .arn(&self.settings.target)
            .role_arn(&self.settings.role)
            .input(text(task)?)
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
            .or_bug(Stage::Enqueue)?;
        // `at` has whole seconds and no zone: UTC.
        let time = due.rfc3339();
        let at = time.split('.').next().unwrap_or_default();
        let answer = self
            .scheduler
            .create_schedule()
            .group_name(&self.settings.group)
            .name(schedule_name(task, due))
            .schedule_expression(format!("at({at})"))
            .flexible_time_window(window)
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(target)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            // The same task at the same second has a schedule already: its response was lost, or
            // the message came back. Test:
            // a_schedule_that_is_there_already_is_made_only_for_the_same_second.
            Err(e)
                if e.as_service_error()
                    .is_some_and(|s| s.is_conflict_exception()) =>
            {
                Ok(())
            }
            Err(e) => Err(aws_fault(e, Stage::Enqueue)),
        }
    }
}

impl TaskQueue for TaskScheduler {
    async fn schedule(&self, task: &DeliveryTask, delay: Duration) -> Result<(), Fault> {
        if delay > self.settings.above.min(MAX_SQS_DELAY) {
            self.create_schedule(task, due_second(now().plus(delay)))
                .await
        } else {
            self.queue.send(&task.tenant_id, text(task)?, delay).await
        }
    }
}

impl SlowTaskQueue for TaskScheduler {
    async fn send_slow(&self, task: &DeliveryTask) -> Result<(), Fault> {
        self.slow
            .send(&task.tenant_id, text(task)?, Duration::ZERO)
            .await
    }
}

/// The second at which a schedule fires. Rounded up: an attempt is never earlier than promised.
fn due_second(due: Time) -> Time {
    Time::from_millis(due.plus(Duration::from_millis(999)).seconds() * 1000)
}

/// The length of a delivery's id whose webhook has a generated id.
const MAX_ID_IN_NAME: usize = 50;

/// At most 64 characters of `[0-9a-zA-Z-_.]`, the same for the same task at the same second, so
/// that creating it again conflicts instead of duplicating it. For another second it has another
/// name: an existing schedule may have fired already, and would not send the task again. It begins
/// with the delivery's id, or with the event's part of one that leaves too little room.
fn schedule_name(task: &DeliveryTask, due: Time) -> String {
    let full = task.delivery_id.to_string();
    let digest = |kind: &str| {
        let of = format!("{} {full} {kind} at {}", task.tenant_id, due.seconds());
        hex::encode(Sha256::digest(of))
    };
    let event = format!("dlv_{}", task.delivery_id.event);
    let fits = Some(&full).filter(|id| id.len() <= MAX_ID_IN_NAME);
    let id = fits.unwrap_or(&event);
    let mut name = match &task.kind {
        TaskKind::Scheduled(sequence) => {
            format!("{id}-{sequence}-{}", digest(&sequence.to_string()))
        }
        TaskKind::Manual(token) => format!("{id}-{}", digest(token)),
    };
    name.truncate(64);
    name
}

/// The JSON of a message: one of [`domain::messages`].
pub(crate) fn text(message: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(message).or_bug(Stage::Enqueue)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::{Arc, Mutex};

    use aws_config::{BehaviorVersion, Region};
    use aws_sdk_scheduler::config::{Credentials, SharedCredentialsProvider};
    use domain::ids::{DeliveryId, WebhookId};
    use domain::ulid::Ulid;
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    fn delivery_to(webhook: WebhookId) -> DeliveryId {
        DeliveryId {
            event: Ulid::derived(Time::from_millis(1), "x"),
            webhook,
        }
    }

    #[test]
    fn a_schedules_name_fits_and_tells_attempts_apart() {
        let generated = WebhookId::new([1; 16]);
        for id in [generated.as_str(), "a", &"a".repeat(19), &"a".repeat(64)] {
            let delivery = delivery_to(id.parse().unwrap());
            let whole = delivery.to_string();
            let start = if id.len() == 64 { &whole[..30] } else { &whole };
            names_fit_and_differ(&delivery, start);
        }
    }

    #[test]
    fn two_deliveries_never_have_a_schedule_of_one_name() {
        let long = "a".repeat(63);
        let names =
            [("t", "x"), ("u", "x"), ("t", &long), ("t", &long[1..])].map(|(tenant, webhook)| {
                let id = delivery_to(webhook.parse().unwrap());
                let task = DeliveryTask::scheduled(tenant.parse().unwrap(), id, 1);
                schedule_name(&task, Time::from_millis(1_000))
            });
        assert_eq!(BTreeSet::from(names).len(), 4);
    }

    fn names_fit_and_differ(delivery_id: &DeliveryId, start: &str) {
        let task = |kind| DeliveryTask {
            tenant_id: "t".parse().unwrap(),
            delivery_id: delivery_id.clone(),
            kind,
        };
        let [first, second] = [1_000, 2_000].map(Time::from_millis);
        let names = [
            (TaskKind::Scheduled(1), first),
            (TaskKind::Scheduled(2), first),
            (TaskKind::Scheduled(u32::MAX), first),
            (TaskKind::Scheduled(1), second),
            (TaskKind::Scheduled(12_345), first),
            (TaskKind::Scheduled(12_345), second),
            (TaskKind::Manual("a".repeat(12)), first),
            (TaskKind::Manual("a".repeat(12)), second),
        ]
        .map(|(kind, due)| schedule_name(&task(kind), due));
        assert!(names.iter().all(|n| {
            n.len() <= 64
                && n.starts_with(start)
                && n.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        }));
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    /// The schedules that a fake scheduler on loopback has created, by path, with the time of each.
    type Made = Arc<Mutex<BTreeMap<String, String>>>;

    /// Answers as EventBridge Scheduler does: a second schedule with the same name is a conflict,
    /// whatever its content.
    async fn scheduler(made: Made) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&made)));
            }
        });
        url
    }

    async fn serve(stream: TcpStream, made: Made) {
        let mut stream = BufReader::new(stream);
        loop {
            let (mut path, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap_or_default() == 0 {
                    return;
                }
                let line = line.trim().to_ascii_lowercase();
                if path.is_empty() {
                    line.clone_into(&mut path);
                } else if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                } else if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let at = body["ScheduleExpression"].as_str().unwrap().to_owned();
            let is_new = !made.lock().unwrap().contains_key(&path);
            let (status, kind, text) = if is_new {
                made.lock().unwrap().insert(path, at);
                ("200 OK", "", r#"{"ScheduleArn":"arn"}"#)
            } else {
                (
                    "409 Conflict",
                    "x-amzn-errortype: ConflictException\r\n",
                    "{}",
                )
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\n{kind}content-length: {}\r\n\r\n{text}",
                text.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_schedule_that_is_there_already_is_made_only_for_the_same_second() {
        let made = Made::default();
        let aws = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "key", "secret", None, None, "test",
            )))
            .endpoint_url(scheduler(Arc::clone(&made)).await)
            .build();
        let queue = || Queue::new(&aws, "http://127.0.0.1:1/queue".to_owned());
        let settings = ScheduleSettings {
            group: "retries".to_owned(),
            role: "role".to_owned(),
            target: "queue".to_owned(),
            dead_letters: "dead".to_owned(),
            above: MAX_SQS_DELAY,
        };
        let scheduler = TaskScheduler::new(&aws, queue(), queue(), settings);
        let task: DeliveryTask = serde_json::from_str(r#"{"tenantId":"t","deliveryId":"dlv_00000000000000000000000001abcdefghjkmnpqrstvwx","sequence":3}"#).unwrap();
        let due = Time::from_millis(1_767_225_600_000);
        let later = due.plus(Duration::from_secs(60));

        // The second time, the response of the first was lost. The third time, the lease is still
        // held, and the existing schedule may have fired.
        for due in [due, due, later] {
            scheduler.create_schedule(&task, due).await.unwrap();
        }

        let made = made.lock().unwrap();
        let times: Vec<_> = made
            .values()
            .map(String::as_str)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        assert_eq!(
            times,
            ["at(2026-01-01T00:00:00)", "at(2026-01-01T00:01:00)"]
        );
        assert_eq!(made.len(), 2);
    }
}
