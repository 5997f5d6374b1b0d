//! Events as AWS hands them to functions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Value, json};

/// The queues' names; a function knows them by ARN or by URL.
pub(crate) const EVENTS: &str = "postel-events";
pub(crate) const DELIVERIES: &str = "postel-deliveries";
/// Who sends to the events queue.
pub(crate) const SENDER: &str = "AROABENCHBENCHBENCH42";

/// A queue's ARN.
pub(crate) fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{queue}")
}

/// Messages of a queue as one event.
pub(crate) fn sqs(queue: &str, bodies: &[String]) -> Bytes {
    static MESSAGE: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let records: Vec<Value> = bodies
        .iter()
        .map(|body| {
            let number = MESSAGE.fetch_add(1, Ordering::Relaxed);
            json!({
                "messageId": format!("{:08x}-0000-4000-8000-{:012x}", std::process::id(), number),
                "receiptHandle": "AQEB".repeat(90),
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": now.to_string(),
                    "SenderId": format!("{SENDER}:publisher"),
                    "ApproximateFirstReceiveTimestamp": now.to_string(),
                    "MessageGroupId": "tenant",
                },
                "messageAttributes": {},
                "md5OfBody": "0".repeat(32),
                "eventSource": "aws:sqs",
                "eventSourceARN": arn(queue),
                "awsRegion": "us-east-1",
            })
        })
        .collect();
    json!({ "Records": records }).to_string().into()
}

/// A request as the HTTP API hands it on, with what the authorizer said of the caller.
pub(crate) fn http(method: &str, path: &str, caller: &Value, body: &str) -> Bytes {
    json!({
        "version": "2.0",
        "routeKey": format!("{method} {path}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "authorization": format!("Bearer {}", "x".repeat(60)),
            "content-length": body.len().to_string(),
            "content-type": "application/json",
            "host": "abcdefghij.execute-api.us-east-1.amazonaws.com",
            "user-agent": "bench/1",
            "x-amzn-trace-id": "Root=1-00000000-000000000000000000000000",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "abcdefghij",
            "authorizer": {"lambda": caller},
            "domainName": "abcdefghij.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abcdefghij",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "bench/1"},
            "requestId": "bench",
            "routeKey": format!("{method} {path}"),
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1_767_225_600_000_i64,
        },
        "body": body,
        "isBase64Encoded": false,
    })
    .to_string()
    .into()
}

/// What the authorizer says of the operator.
pub(crate) fn operator() -> Value {
    json!({"role": "operator"})
}

/// What it says of a tenant's key that may publish.
pub(crate) fn tenants_key(tenant: &str) -> Value {
    json!({"role": "tenant", "tenant": tenant, "scopes": "events:write", "key": "bench"})
}

/// An event's JSON of so many bytes, as far as it can be made so short. What it holds is no run of one letter, which would compress like nothing real.
pub(crate) fn body(tenant: Option<&str>, length: usize) -> String {
    let mut event = json!({"type": "item.created", "data": ""});
    if let Some(tenant) = tenant {
        event["tenantId"] = json!(tenant);
    }
    let frame = event.to_string().len();
    event["data"] = json!(text(length.saturating_sub(frame)));
    event.to_string()
}

/// Words as they come in business data, made by a small generator so that each run has the same.
fn text(length: usize) -> String {
    const WORDS: [&str; 16] = [
        "inspection",
        "completed",
        "item",
        "status",
        "created",
        "2026-11-22T08:15:00Z",
        "organisation",
        "passed",
        "failed",
        "report",
        "quantity",
        "factory",
        "user",
        "null",
        "true",
        "location",
    ];
    let (mut made, mut seed) = (String::with_capacity(length + 32), 42_u64);
    while made.len() < length {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let word = WORDS
            .get((seed >> 60) as usize)
            .copied()
            .unwrap_or_default();
        made.push_str(word);
        made.push_str(&format!(" {} ", seed >> 44));
    }
    made.truncate(length);
    made
}
