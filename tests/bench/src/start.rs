//! Start-up: from exec to the first `/next`, and to the end of the first event; and the size of a
//! function.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use crate::events::{self, DELIVERIES, EVENTS, arn};
use crate::receiver::{Receiver, ReceiverBehaviour};
use crate::stand::{Stand, tenant};

const FUNCTIONS: [&str; 8] = [
    "authorizer",
    "console",
    "dlq",
    "dispatcher",
    "manage",
    "publish",
    "redriver",
    "sweeper",
];

/// One function's figures: medians, in milliseconds.
#[derive(Serialize)]
pub(crate) struct Start {
    pub(crate) function: &'static str,
    pub(crate) next_ms: f64,
    pub(crate) next_cpu_ms: f64,
    /// The first event alone, after that.
    pub(crate) first_ms: f64,
    pub(crate) first_cpu_ms: f64,
    pub(crate) second_ms: f64,
    pub(crate) binary_mb: f64,
    pub(crate) zip_mb: f64,
}

/// An event that needs real work in each function.
fn event(function: &str) -> Bytes {
    let body = json!({"type": "item.created", "data": {"id": 1}});
    match function {
        "dispatcher" => events::sqs(EVENTS, &[events::body(Some(&tenant(0)), 512)]),
        "publish" => events::http(
            "POST",
            &format!("/v1/tenants/{}/events", tenant(0)),
            &events::tenants_key(&tenant(0)),
            &body.to_string(),
        ),
        "console" => events::http("GET", "/portal/webhooks", &events::operator(), ""),
        "manage" => events::http(
            "GET",
            &format!("/v1/tenants/{}", tenant(0)),
            &events::operator(),
            "",
        ),
        "dlq" => {
            let text = String::from_utf8_lossy(&events::sqs(EVENTS, &["{}".to_owned()]))
                .replace(&arn(EVENTS), &arn("postel-events-dlq"));
            text.into()
        }
        "redriver" => events::sqs(
            "postel-jobs",
            &[json!({"tenantId": tenant(0), "jobId": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}).to_string()],
        ),
        "authorizer" => {
            let key = format!("Bearer {}", crate::cloud::SECRET);
            json!({"version": "2.0", "type": "REQUEST", "routeArn": "arn", "identitySource": [key], "routeKey": "GET /", "rawPath": "/", "rawQueryString": "",
                "headers": {"authorization": key}, "requestContext": {"accountId": "0", "apiId": "a", "domainName": "d", "domainPrefix": "d",
                "http": {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "b"}, "requestId": "r", "routeKey": "GET /",
                "stage": "$default", "time": "t", "timeEpoch": 0}})
            .to_string()
            .into()
        }
        _ => json!({}).to_string().into(),
    }
}

pub(crate) async fn all(stand: &Stand, runs: usize) -> Result<Vec<Start>, String> {
    let receiver = Receiver::start(ReceiverBehaviour::default())
        .await
        .map_err(|e| e.to_string())?;
    let url = format!("http://{}/services/hooks/postel", receiver.address);
    stand.seed(1, &[url], (30, false)).await?;
    let mut found = Vec::new();
    for name in FUNCTIONS {
        let mut samples: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for _ in 0..runs {
            let function = stand.function(name).await?;
            let (next, spent) = function.start;
            let first = function.invoke(event(name)).await;
            let after = function.spent()?;
            let first = first.map_err(|e| format!("{name}: {e}"))?;
            let second = function.invoke(event(name)).await?;
            for (what, value) in [
                ("next", next),
                ("next cpu", spent.fine),
                ("first", first.took),
                ("first cpu", (after - spent).fine),
                ("second", second.took),
            ] {
                samples
                    .entry(what)
                    .or_default()
                    .push(value.as_secs_f64() * 1000.0);
            }
            function.stop().await;
        }
        let median =
            |what: &str| crate::report::median(samples.get(what).cloned().unwrap_or_default());
        let binary = stand.binary(name);
        let bytes = std::fs::metadata(&binary).map_err(|e| e.to_string())?.len();
        found.push(Start {
            function: name,
            next_ms: median("next"),
            next_cpu_ms: median("next cpu"),
            first_ms: median("first"),
            first_cpu_ms: median("first cpu"),
            second_ms: median("second"),
            binary_mb: bytes as f64 / 1e6,
            zip_mb: zipped(&binary)? as f64 / 1e6,
        });
    }
    // The functions above must have delivered to the receiver, or nothing was measured.
    let posts = receiver.posts.load(std::sync::atomic::Ordering::Relaxed);
    let _ = DELIVERIES;
    if posts < 2 * runs as u64 {
        return Err(format!("{posts} POSTs of {}", 2 * runs));
    }
    Ok(found)
}

/// The size of a zip as SAM makes it: deflated by Python's zipfile.
fn zipped(binary: &Path) -> Result<u64, String> {
    const SCRIPT: &str = "import io, sys, zipfile\nout = io.BytesIO()\nwith zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as made:\n    made.write(sys.argv[1], 'bootstrap')\nprint(len(out.getvalue()))";
    let out = Command::new("python3")
        .arg("-c")
        .arg(SCRIPT)
        .arg(binary)
        .output()
        .map_err(|e| e.to_string())?;
    String::from_utf8_lossy(&out.stdout)
        .trim()
        .parse()
        .map_err(|_| String::from_utf8_lossy(&out.stderr).into_owned())
}

pub(crate) fn table(starts: &[Start]) -> String {
    let mut lines = vec![
        "| function   | exec to /next | of it CPU | first event | of it CPU | second event | binary |    zip |".to_owned(),
        "|------------|---------------|-----------|-------------|-----------|--------------|--------|--------|".to_owned(),
    ];
    lines.extend(starts.iter().map(|start| {
        format!(
            "| {:<10} | {:>10.1} ms | {:>6.1} ms | {:>8.1} ms | {:>6.1} ms | {:>9.1} ms | {:>3.1} MB | {:>3.1} MB |",
            start.function, start.next_ms, start.next_cpu_ms, start.first_ms, start.first_cpu_ms, start.second_ms, start.binary_mb, start.zip_mb
        )
    }));
    lines.join("\n")
}
