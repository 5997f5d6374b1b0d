//! Schedules, their names, and what is sent instead of a refused one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region};
use aws_sdk_scheduler::config::{Credentials, SharedCredentialsProvider};
use domain::ids::{DeliveryId, WebhookId};
use domain::ulid::Ulid;
use serde_json::Value;
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

/// A fake scheduler and queue on loopback.
#[derive(Default)]
struct Fake {
    /// The created schedules, by path, with the time of each.
    made: Mutex<BTreeMap<String, String>>,
    /// What the queue was sent.
    sent: Mutex<Vec<Value>>,
    /// The code of each refusal, if the scheduler refuses.
    refuses: Mutex<Option<&'static str>>,
    /// How often the scheduler was asked.
    asked: AtomicUsize,
}

type Answer = (&'static str, String, &'static str);

impl Fake {
    /// Answers as EventBridge Scheduler does: a second schedule with the same name is a conflict,
    /// whatever its content.
    fn create(&self, path: &str, body: &Value) -> Answer {
        self.asked.fetch_add(1, Relaxed);
        let refused = |code: &str| format!("x-amzn-errortype: {code}\r\n");
        if let Some(code) = *self.refuses.lock().unwrap() {
            return ("429 Too Many Requests", refused(code), "{}");
        }
        let at = body["ScheduleExpression"].as_str().unwrap().to_owned();
        let mut made = self.made.lock().unwrap();
        if made.contains_key(path) {
            return ("409 Conflict", refused("ConflictException"), "{}");
        }
        made.insert(path.to_owned(), at);
        ("200 OK", String::new(), r#"{"ScheduleArn":"arn"}"#)
    }

    fn answer(&self, path: &str, body: Value) -> Answer {
        if path.contains("/schedules/") {
            return self.create(path, &body);
        }
        self.sent.lock().unwrap().push(body);
        ("200 OK", String::new(), r#"{"MessageId":"m"}"#)
    }
}

async fn serve(stream: TcpStream, fake: Arc<Fake>) {
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
        let (status, kind, text) = fake.answer(&path, serde_json::from_slice(&body).unwrap());
        let answer = format!(
            "HTTP/1.1 {status}\r\n{kind}content-length: {}\r\n\r\n{text}",
            text.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// The configuration of clients of a fake.
async fn aws(fake: &Arc<Fake>) -> SdkConfig {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let fake = Arc::clone(fake);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&fake)));
        }
    });
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "key", "secret", None, None, "test",
        )))
        .endpoint_url(url)
        .build()
}

async fn task_scheduler(fake: &Arc<Fake>) -> TaskScheduler {
    let aws = aws(fake).await;
    let queue = || Queue::new(&aws, "http://127.0.0.1:1/queue".to_owned());
    let settings = ScheduleSettings {
        group: "retries".to_owned(),
        role: "role".to_owned(),
        target: "queue".to_owned(),
        dead_letters: "dead".to_owned(),
        above: MAX_SQS_DELAY,
    };
    TaskScheduler::new(&aws, queue(), queue(), settings)
}

fn some_task(number: u32) -> DeliveryTask {
    let text = format!(
        r#"{{"tenantId":"t","deliveryId":"dlv_00000000000000000000000001abcdefghjkmnpqrstvwx","sequence":{number}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn a_schedule_that_is_there_already_is_made_only_for_the_same_second() {
    let fake = Arc::new(Fake::default());
    let scheduler = task_scheduler(&fake).await;
    let due = Time::from_millis(1_767_225_600_000);
    let later = due.plus(Duration::from_secs(60));

    // The second time, the response of the first was lost. The third time, the lease is still
    // held, and the existing schedule may have fired.
    for due in [due, due, later] {
        scheduler.create_schedule(&some_task(3), due).await.unwrap();
    }

    let made = fake.made.lock().unwrap();
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

/// The delay, body and group of a message.
fn sent(message: &Value) -> (i64, Value, &str) {
    (
        message["DelaySeconds"].as_i64().unwrap_or(0),
        serde_json::from_str(message["MessageBody"].as_str().unwrap()).unwrap(),
        message["MessageGroupId"].as_str().unwrap(),
    )
}

#[tokio::test]
async fn a_task_whose_schedule_is_refused_waits_in_sqs_with_its_due_time() {
    for code in ["ThrottlingException", "ServiceQuotaExceededException"] {
        let fake = Arc::new(Fake::default());
        *fake.refuses.lock().unwrap() = Some(code);
        let scheduler = task_scheduler(&fake).await;
        let begun = now();
        let [hour, short] = [3_600, 900].map(Duration::from_secs);
        scheduler.schedule(&some_task(3), hour).await.unwrap();
        let asked = fake.asked.load(Relaxed);
        assert!((1..=2).contains(&asked), "{code}: {asked}");
        // Right after a refusal it is not asked again, also for other tasks.
        scheduler.schedule(&some_task(4), hour).await.unwrap();
        assert_eq!(fake.asked.load(Relaxed), asked);
        scheduler.schedule(&some_task(5), short).await.unwrap();

        let messages = std::mem::take(&mut *fake.sent.lock().unwrap());
        let [long, other, soon] = [0, 1, 2].map(|at: usize| sent(&messages[at]));
        assert_eq!((long.0, long.2, other.0), (900, "t", 900));
        let due = long.1["due"].as_i64().unwrap();
        let most = now().plus(hour).millis();
        assert!(begun.plus(hour).millis() <= due && due <= most, "{due}");
        assert_eq!(
            (&long.1["sequence"], &other.1["sequence"]),
            (&json!(3), &json!(4))
        );
        // An ordinary task is as it always was.
        assert_eq!(
            (soon.0, soon.1),
            (900, serde_json::to_value(some_task(5)).unwrap())
        );

        // The scheduler accepts again.
        *fake.refuses.lock().unwrap() = None;
        scheduler.refused_until.store(0, Relaxed);
        scheduler.schedule(&some_task(3), hour).await.unwrap();
        assert_eq!(fake.made.lock().unwrap().len(), 1);
        assert!(fake.sent.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_request_that_is_wrong_is_a_fault() {
    let fake = Arc::new(Fake::default());
    *fake.refuses.lock().unwrap() = Some("SerializationException");
    let scheduler = task_scheduler(&fake).await;
    let hour = Duration::from_secs(3_600);
    assert!(scheduler.schedule(&some_task(3), hour).await.is_err());
    assert!(fake.sent.lock().unwrap().is_empty());
}
