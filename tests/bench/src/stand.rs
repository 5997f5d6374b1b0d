//! The environment of a scenario: the fake AWS, and the functions' settings from the template.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::events::{self, DELIVERIES, EVENTS, SENDER, arn};
use crate::lambda::Function;

/// The tables' names in the fake AWS.
pub(crate) const CONFIG: &str = "config";
pub(crate) const LOG: &str = "log";
const DEAD_LETTERS: &str = "dead-letters";
/// The first tenant, from which others are copied.
const FIRST: &str = "bench-00000";

/// The operator's own contract.
const OWN: &str = "bench";

/// The fake AWS and the binaries.
pub(crate) struct Stand {
    pub(crate) cloud: Cloud,
    binaries: PathBuf,
}

/// The name of a tenant, by number.
pub(crate) fn tenant(number: usize) -> String {
    format!("bench-{number:05}")
}

impl Stand {
    pub(crate) async fn new(binaries: PathBuf) -> Result<Self, String> {
        let cloud = Cloud::start().await.map_err(|e| e.to_string())?;
        Ok(Self { cloud, binaries })
    }

    /// The path of a function's binary.
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        self.binaries.join(name)
    }

    pub(crate) async fn function(&self, name: &str) -> Result<Function, String> {
        Function::start(&self.binary(name), &self.environment()).await
    }

    fn environment(&self) -> Vec<(String, String)> {
        let url = |queue: &str| format!("http://{}/000000000000/{queue}", self.cloud.address);
        [
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "ASIABENCHBENCHBENCH4".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "b".repeat(40)),
            // As long as Lambda's, since it is sent with every call.
            ("AWS_SESSION_TOKEN", "t".repeat(900)),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_ENDPOINT_URL", format!("http://{}", self.cloud.address)),
            ("AWS_LAMBDA_FUNCTION_NAME", "postel-bench".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            (
                "AWS_LAMBDA_LOG_GROUP_NAME",
                "/aws/lambda/postel-bench".to_owned(),
            ),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "bench".to_owned()),
            ("POSTEL_CONFIG_TABLE", CONFIG.to_owned()),
            ("POSTEL_LOG_TABLE", LOG.to_owned()),
            ("POSTEL_DEAD_LETTERS_TABLE", DEAD_LETTERS.to_owned()),
            ("POSTEL_EVENTS_QUEUE_URL", url(EVENTS)),
            ("POSTEL_EVENTS_QUEUE_ARN", arn(EVENTS)),
            (
                "POSTEL_EVENTS_DEAD_LETTER_QUEUE_ARN",
                arn("postel-events-dlq"),
            ),
            (
                "POSTEL_EVENTS_DEAD_LETTER_QUEUE_URL",
                url("postel-events-dlq"),
            ),
            ("POSTEL_DELIVERIES_QUEUE_URL", url(DELIVERIES)),
            ("POSTEL_DELIVERIES_QUEUE_ARN", arn(DELIVERIES)),
            (
                "POSTEL_DELIVERIES_DEAD_LETTER_QUEUE_ARN",
                arn("postel-deliveries-dlq"),
            ),
            (
                "POSTEL_DELIVERIES_DEAD_LETTER_QUEUE_URL",
                url("postel-deliveries-dlq"),
            ),
            ("POSTEL_SLOW_QUEUE_URL", url("postel-slow")),
            ("POSTEL_SLOW_QUEUE_ARN", arn("postel-slow")),
            ("POSTEL_JOBS_QUEUE_URL", url("postel-jobs")),
            ("POSTEL_JOBS_QUEUE_ARN", arn("postel-jobs")),
            ("POSTEL_SCHEDULE_GROUP", "postel-retries".to_owned()),
            (
                "POSTEL_SCHEDULER_ROLE_ARN",
                "arn:aws:iam::000000000000:role/postel-scheduler".to_owned(),
            ),
            (
                "POSTEL_KMS_KEY_ARN",
                "arn:aws:kms:us-east-1:000000000000:key/bench".to_owned(),
            ),
            ("POSTEL_CURSOR_SECRET_ARN", "cursor".to_owned()),
            ("POSTEL_OPERATOR_SECRET_ARN", "operator".to_owned()),
            ("POSTEL_ALLOWED_CIDRS", "127.0.0.0/8".to_owned()),
            ("POSTEL_ALLOW_HTTP", "true".to_owned()),
            ("POSTEL_API_HOSTS", "api.example".to_owned()),
            ("POSTEL_TRUSTED_SENDERS", SENDER.to_owned()),
            ("POSTEL_DISPATCHER_TIMEOUT_SECONDS", "80".to_owned()),
            ("POSTEL_MAX_WEBHOOK_TIMEOUT_SECONDS", "60".to_owned()),
            ("POSTEL_QUEUE_DELAY_LIMIT_SECONDS", "900".to_owned()),
            ("POSTEL_DUE_SHARDS", "128".to_owned()),
            ("POSTEL_RETENTION_DAYS", "30".to_owned()),
            ("POSTEL_STACK", "postel".to_owned()),
            ("POSTEL_ATTEMPT_LOG", "failures".to_owned()),
            ("POSTEL_SWEEP_GRACE_SECONDS", "120".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Creates tenants with webhooks that select everything: the first with the management
    /// function, so that the rows are real, and the others as copies of it.
    pub(crate) async fn seed(
        &self,
        tenants: usize,
        webhooks: &[String],
        (timeout_seconds, own_contract): (u32, bool),
    ) -> Result<(), String> {
        for table in [CONFIG, LOG, DEAD_LETTERS] {
            self.cloud.forget(table);
        }
        let manage = self.function("manage").await?;
        let path = format!("/v1/tenants/{FIRST}");
        ask(
            &manage,
            "PUT",
            &path,
            &json!({"name": "Bench", "contract": "standard"}),
        )
        .await?;
        if own_contract {
            ask(&manage, "PUT", &format!("/v1/contracts/{OWN}"), &own()).await?;
        }
        for url in webhooks {
            let mut wanted = json!({"url": url, "events": ["*"], "overrides": {"timeoutSeconds": timeout_seconds}});
            if own_contract {
                wanted["contract"] = OWN.into();
            }
            ask(&manage, "POST", &format!("{path}/webhooks"), &wanted).await?;
        }
        manage.stop().await;
        self.cloud.copy(CONFIG, FIRST, (1..tenants).map(tenant))?;
        self.cloud.take_tally().map(|_| ())
    }
}

fn own() -> Value {
    json!({
        "envelope": {"type": "{type}", "about": "{id}", "data": "{data}"},
        "headers": {"X-Sent": "{timestampIso}"},
        "signature": {"header": "X-Bench", "encoding": "hex", "signedText": "{timestamp}.{body}", "secret": "literal"},
        "timeoutSeconds": 30, "success": ["2xx"], "retryDelaysSeconds": [5],
    })
}

/// Calls the management API as the operator.
async fn ask(manage: &Function, method: &str, path: &str, body: &Value) -> Result<(), String> {
    let event = events::http(method, path, &events::operator(), &body.to_string());
    let answer = manage.invoke(event).await?;
    let told: Value = serde_json::from_slice(&answer.body).map_err(|e| e.to_string())?;
    match told["statusCode"].as_u64() {
        Some(200..300) => Ok(()),
        _ => Err(format!("{method} {path}: {told}")),
    }
}
