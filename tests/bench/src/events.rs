//! Events in the form in which AWS passes them to functions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Value, json};

/// The queues' names, which are part of their ARNs and URLs.
pub(crate) const EVENTS: &str = "postel-events";
pub(crate) const DELIVERIES: &str = "postel-deliveries";
/// The sender of messages on the events queue.
pub(crate) const SENDER: &str = "AROABENCHBENCHBENCH42";

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

/// A request in the form in which the HTTP API passes it on, with the authorizer's context.
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

/// The authorizer's context of the operator.
pub(crate) fn operator() -> Value {
    json!({"role": "operator"})
}

/// The authorizer's context of a tenant's key that may publish.
pub(crate) fn tenants_key(tenant: &str) -> Value {
    json!({
        "role": "tenant",
        "tenant": tenant,
        "scopes": "events:write",
        "key": "0123456789ab",
        // Later than any tenant of the bench.
        "createdAt": "9999999999999",
    })
}

/// An event's JSON of about this many bytes: records of typical business data, the same in each
/// run.
pub(crate) fn body(tenant: Option<&str>, length: usize) -> String {
    let mut event = json!({"type": "item.created", "data": []});
    if let Some(tenant) = tenant {
        event["tenantId"] = json!(tenant);
    }
    let room = length.saturating_sub(event.to_string().len());
    event["data"] = records(room);
    // Padding for the rest that no record fills.
    let short = length.saturating_sub(event.to_string().len());
    if let Some(list) = event["data"].as_array_mut() {
        let quotes = if list.is_empty() { 2 } else { 3 };
        list.push(json!("x".repeat(short.saturating_sub(quotes))));
    }
    event.to_string()
}

/// As many records as fit.
fn records(room: usize) -> Value {
    const STATES: [&str; 8] = [
        "created",
        "assigned",
        "in progress",
        "passed",
        "failed",
        "on hold",
        "aborted",
        "closed",
    ];
    let (mut made, mut taken, mut seed) = (Vec::new(), 0, 42_u64);
    loop {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let record = json!({
            "id": format!("item_{:012x}", seed >> 16),
            "state": STATES[(seed >> 61) as usize],
            "quantity": seed >> 50,
            "inspectedAt": format!("2026-{:02}-{:02}T08:15:{:02}Z", 1 + (seed >> 40) % 12, 1 + (seed >> 33) % 28, (seed >> 20) % 60),
            "location": {"factory": format!("F-{}", (seed >> 30) % 40), "line": (seed >> 27) % 8},
        });
        taken += record.to_string().len() + 1;
        if taken + 4 > room {
            return Value::Array(made);
        }
        made.push(record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_the_length_that_was_asked_for() {
        for length in [200, 512, 8 * 1024, 255 * 1024] {
            for tenant in [None, Some("bench-00000")] {
                assert_eq!(body(tenant, length).len(), length, "{tenant:?}");
            }
        }
    }
}
