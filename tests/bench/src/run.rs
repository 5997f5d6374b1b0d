//! One run of a scenario.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use crate::events::{self, DELIVERIES, EVENTS};
use crate::lambda::Function;
use crate::process::Spent;
use crate::receiver::Receiver;
use crate::scenario::{Door, Scenario};
use crate::stand::{LOG, Stand, tenant};
use crate::tally::Tally;

/// The maximum number of messages in one SQS batch or request.
const SQS_BATCH: usize = 10;
const SQS_BYTES: usize = 1024 * 1024;
/// Longer than the first delay of `standard`, its jitter included.
const RETRY_WAIT: Duration = Duration::from_secs(6);
/// Invocations before the measurement.
const WARM: usize = 3;
/// A tenth of the HTTP requests, at most this many, come before the measurement: publish then
/// treats the tenant as busy, and has used the free requests of the minute.
const WARM_CALLS: usize = 12;

/// The share of one function.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Share {
    pub(crate) invocations: u64,
    pub(crate) cpu_seconds: f64,
    /// Total time from event to answer, over all invocations.
    pub(crate) busy_seconds: f64,
    pub(crate) peak_mib: f64,
    pub(crate) log_bytes: u64,
    pub(crate) log_lines: u64,
}

/// SQS requests that no function makes: the tenants' sends, and the event source mapping's receives
/// and deletes. As billed, 64 KB each.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Queues {
    pub(crate) sends: u64,
    pub(crate) receives: u64,
    pub(crate) deletes: u64,
}

/// The results of one run.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Measured {
    pub(crate) events: u64,
    /// POSTs that the receiver counted.
    pub(crate) deliveries: u64,
    /// The dispatcher's total time, without waits for retries to become due.
    pub(crate) seconds: f64,
    pub(crate) functions: BTreeMap<String, Share>,
    pub(crate) queues: Queues,
    pub(crate) gateway_requests: u64,
    pub(crate) tally: Tally,
    /// At the receiver, headers included.
    pub(crate) wire_bytes: u64,
    pub(crate) connections: u64,
    pub(crate) stored_bytes: f64,
    pub(crate) items: u64,
}

/// A function during the measurement.
struct Driven {
    function: Function,
    before: Spent,
    log: (u64, u64),
    share: Share,
}

impl Driven {
    fn new(function: Function) -> Self {
        Self {
            function,
            before: Spent::default(),
            log: (0, 0),
            share: Share::default(),
        }
    }

    fn logged(&self) -> (u64, u64) {
        let log = &self.function.log;
        (
            log.bytes.load(Ordering::Relaxed),
            log.lines.load(Ordering::Relaxed),
        )
    }

    fn begin(&mut self) -> Result<(), String> {
        self.before = self.function.spent()?;
        self.log = self.logged();
        self.share = Share::default();
        Ok(())
    }

    async fn invoke(&mut self, event: bytes::Bytes) -> Result<Value, String> {
        let answer = self.function.invoke(event).await?;
        self.share.invocations += 1;
        self.share.busy_seconds += answer.took.as_secs_f64();
        serde_json::from_slice(&answer.body).map_err(|e| e.to_string())
    }

    async fn end(mut self) -> Result<Share, String> {
        let spent = self.function.spent()? - self.before;
        self.share.cpu_seconds = spent.cpu.as_secs_f64();
        self.share.peak_mib = spent.peak_kib as f64 / 1024.0;
        // Output still in the pipe is read within a moment.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let (bytes, lines) = self.logged();
        (self.share.log_bytes, self.share.log_lines) = (bytes - self.log.0, lines - self.log.1);
        self.function.stop().await;
        Ok(self.share)
    }
}

/// Runs a scenario once, with processes of its own.
pub(crate) async fn run(stand: &Stand, scenario: &Scenario) -> Result<Measured, String> {
    let receiver = Receiver::start(scenario.manner)
        .await
        .map_err(|e| e.to_string())?;
    let urls: Vec<String> = (0..scenario.webhooks)
        .map(|n| format!("http://{}/services/hooks/postel/{n}", receiver.address))
        .collect();
    stand
        .seed(
            scenario.tenants,
            &urls,
            (scenario.timeout_seconds, scenario.own_contract),
        )
        .await?;
    let mut measured = Measured {
        events: scenario.events as u64,
        ..Measured::default()
    };

    let mut dispatcher = Driven::new(stand.function("dispatcher").await?);
    let warm = |_| events::body(Some(&tenant(0)), scenario.payload);
    for _ in 0..WARM {
        let bodies: Vec<String> = (0..scenario.batch).map(warm).collect();
        dispatch(&mut dispatcher, EVENTS, &bodies, &mut Queues::default()).await?;
    }
    if scenario.logged > 0 {
        stand.cloud.grow(LOG, scenario.logged)?;
    }
    let messages = match scenario.door {
        Door::Sqs => tenants_messages(scenario, &mut measured),
        Door::Http(each) => published(stand, scenario, each, &mut measured).await?,
    };
    let in_log = stand.cloud.count(LOG);
    stand.cloud.take_sent();
    if scenario.door == Door::Sqs {
        stand.cloud.take_tally()?;
    }
    let wire = [
        &receiver.posts,
        &receiver.wire.received,
        &receiver.wire.connections,
    ]
    .map(|count| count.load(Ordering::Relaxed));

    dispatcher.begin()?;
    let began = Instant::now();
    for bodies in messages.chunks(scenario.batch) {
        dispatch(&mut dispatcher, EVENTS, bodies, &mut measured.queues).await?;
    }
    measured.seconds = began.elapsed().as_secs_f64();
    measured.seconds += retries(stand, scenario, &mut dispatcher, &mut measured.queues).await?;
    measured
        .functions
        .insert("dispatcher".to_owned(), dispatcher.end().await?);

    let tally = stand.cloud.take_tally()?;
    measured.tally = tally;
    measured.items = if scenario.door == Door::Sqs {
        stand.cloud.count(LOG) - in_log
    } else {
        stand.cloud.count(LOG)
    } as u64;
    measured.stored_bytes = stand.cloud.mean_bytes(LOG) * measured.items as f64;
    let [posts, bytes, connections] = wire;
    measured.deliveries = receiver.posts.load(Ordering::Relaxed) - posts;
    measured.wire_bytes = receiver.wire.received.load(Ordering::Relaxed) - bytes;
    measured.connections = receiver.wire.connections.load(Ordering::Relaxed) - connections;
    Ok(measured)
}

/// The messages that tenants send themselves, ten to a request if they fit.
fn tenants_messages(scenario: &Scenario, measured: &mut Measured) -> Vec<String> {
    let messages: Vec<String> = (0..scenario.events)
        .map(|event| events::body(Some(&tenant(scenario.tenant_of(event))), scenario.payload))
        .collect();
    measured.queues.sends = requests(messages.iter().map(String::len)).1;
    messages
}

/// Publishes over HTTP and returns the resulting messages of the events queue.
async fn published(
    stand: &Stand,
    scenario: &Scenario,
    each: usize,
    measured: &mut Measured,
) -> Result<Vec<String>, String> {
    let mut publish = Driven::new(stand.function("publish").await?);
    let one = |event: usize| {
        (
            tenant(scenario.tenant_of(event)),
            events::body(None, scenario.payload),
        )
    };
    let mut requests = (0..scenario.events).step_by(each).map(|first| {
        let (tenant, body) = one(first);
        let caller = events::tenants_key(&tenant);
        if each == 1 {
            return events::http(
                "POST",
                &format!("/v1/tenants/{tenant}/events"),
                &caller,
                &body,
            );
        }
        let bodies: Vec<String> = (first..(first + each).min(scenario.events))
            .map(|event| one(event).1)
            .collect();
        let body = format!(r#"{{"events":[{}]}}"#, bodies.join(","));
        events::http(
            "POST",
            &format!("/v1/tenants/{tenant}/events/batch"),
            &caller,
            &body,
        )
    });
    // The first requests warm it up; they are removed together with the dispatcher's warm-up.
    let warm = (scenario.events.div_ceil(each) / 10).clamp(1, WARM_CALLS);
    for first in requests.by_ref().take(warm) {
        accepted(&publish.invoke(first).await?)?;
    }
    stand.cloud.take_tally()?;
    stand.cloud.take_sent();
    stand.cloud.forget(LOG);
    publish.begin()?;
    for request in requests {
        measured.gateway_requests += 1;
        accepted(&publish.invoke(request).await?)?;
    }
    measured.events = (scenario.events - warm * each) as u64;
    measured
        .functions
        .insert("publish".to_owned(), publish.end().await?);
    let sent = stand.cloud.take_sent();
    Ok(sent
        .into_iter()
        .filter(|sent| sent.queue == EVENTS)
        .map(|sent| sent.body)
        .collect())
}

fn accepted(answer: &Value) -> Result<(), String> {
    let body: Value =
        serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or_default();
    let refused = body["results"]
        .as_array()
        .is_some_and(|results| results.iter().any(|result| result.get("error").is_some()));
    if answer["statusCode"] == json!(202) && !refused {
        return Ok(());
    }
    Err(format!("publishing: {answer}"))
}

/// The SQS requests for messages of these sizes, and how many requests are billed.
pub(crate) fn requests(sizes: impl IntoIterator<Item = usize>) -> (u64, u64) {
    let (mut requests, mut billed, mut held, mut size) = (0, 0, 0, 0_usize);
    let mut sizes = sizes.into_iter().peekable();
    while let Some(bytes) = sizes.next() {
        held += 1;
        size += bytes;
        if held == SQS_BATCH || sizes.peek().is_none_or(|next| size + next > SQS_BYTES) {
            requests += 1;
            billed += size.div_ceil(64 * 1024).max(1) as u64;
            (held, size) = (0, 0);
        }
    }
    (requests, billed)
}

async fn dispatch(
    dispatcher: &mut Driven,
    queue: &str,
    bodies: &[String],
    queues: &mut Queues,
) -> Result<(), String> {
    let (_, receives) = requests(bodies.iter().map(String::len));
    let answer = dispatcher.invoke(events::sqs(queue, bodies)).await?;
    queues.receives += receives;
    // Deletes contain only receipt handles.
    queues.deletes += bodies.len().div_ceil(SQS_BATCH) as u64;
    match answer["batchItemFailures"].as_array() {
        Some(failed) if failed.is_empty() => Ok(()),
        _ => Err(format!(
            "the dispatcher failed: {answer}: {}",
            dispatcher.function.last_lines()
        )),
    }
}

/// Passes on the retries once they are due, until none is left. Returns the seconds it took,
/// without the waits.
async fn retries(
    stand: &Stand,
    scenario: &Scenario,
    dispatcher: &mut Driven,
    queues: &mut Queues,
) -> Result<f64, String> {
    let mut busy = 0.0;
    loop {
        let sent = stand.cloud.take_sent();
        let bodies: Vec<String> = sent
            .into_iter()
            .filter(|sent| sent.queue == DELIVERIES)
            .map(|sent| sent.body)
            .collect();
        if bodies.is_empty() {
            return Ok(busy);
        }
        tokio::time::sleep(RETRY_WAIT).await;
        let began = Instant::now();
        for some in bodies.chunks(scenario.batch) {
            dispatch(dispatcher, DELIVERIES, some, queues).await?;
        }
        busy += began.elapsed().as_secs_f64();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqs_takes_ten_messages_or_a_mebibyte_and_bills_each_64_kb() {
        let of = |number: usize, bytes: usize| requests(vec![bytes; number]);
        assert_eq!(of(10, 512), (1, 1));
        assert_eq!(of(25, 512), (3, 3));
        assert_eq!(of(10, 8 * 1024), (1, 2));
        assert_eq!(of(10, 256 * 1024), (3, 40));
        assert_eq!(of(0, 1), (0, 0));
    }
}
