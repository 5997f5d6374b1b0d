//! The AWS clients, built once per process before the first event.

use std::sync::OnceLock;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_dynamodb::config::{SharedCredentialsProvider, StalledStreamProtectionConfig};

use crate::conflicts::Conflicts;
use crate::settings;

/// How often a call is tried that AWS throttles or does not answer. If calls fail with probability
/// 0.3, one of 37 still fails after three tries, and after a POST that means another POST; after
/// six tries it is one of 1,400. Row 4 of `make chaos` counts them.
pub(crate) const MAX_ATTEMPTS: u32 = 6;

/// The longest pause after the first try; it doubles after each.
pub(crate) const FIRST_BACKOFF: Duration = Duration::from_millis(60);

/// The timeout of an AWS call in a function that answers an HTTP caller: a late answer is better
/// than none. The authorizer has 8 s.
pub const INTERACTIVE_AWS_CALL_TIMEOUT: Duration = Duration::from_secs(7);

/// Shared retry budget (token bucket) of the process: each retry takes five tokens. The SDK's
/// default of 500 tokens regains only one for each call that succeeds at once, so minutes of
/// throttling empty it, and then nothing is retried any more. This bucket always allows 20 retries
/// a second.
const RETRY_BUDGET_TOKENS: usize = 2_000;
const RETRY_BUDGET_TOKENS_PER_SECOND: f32 = 100.0;

fn retry_budget() -> RetryPartition {
    static RETRY_BUDGET: OnceLock<RetryPartition> = OnceLock::new();
    let tokens = || {
        TokenBucket::builder()
            .capacity(RETRY_BUDGET_TOKENS)
            .refill_rate(RETRY_BUDGET_TOKENS_PER_SECOND)
            .build()
    };
    RETRY_BUDGET
        .get_or_init(|| {
            RetryPartition::custom("postel")
                .token_bucket(tokens())
                .build()
        })
        .clone()
}

/// DynamoDB's client.
pub(crate) fn dynamodb(aws: &SdkConfig) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::config::Builder::from(aws)
        .retry_partition(retry_budget())
        .retry_classifier(Conflicts);
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// SQS's client.
pub(crate) fn sqs(aws: &SdkConfig) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::config::Builder::from(aws).retry_partition(retry_budget());
    aws_sdk_sqs::Client::from_conf(config.build())
}

/// The scheduler's client. It tries twice only: what is refused then waits in SQS.
pub(crate) fn scheduler(aws: &SdkConfig) -> aws_sdk_scheduler::Client {
    let twice = RetryConfig::standard()
        .with_max_attempts(2)
        .with_initial_backoff(FIRST_BACKOFF);
    let config = aws_sdk_scheduler::config::Builder::from(aws)
        .retry_config(twice)
        .retry_partition(retry_budget());
    aws_sdk_scheduler::Client::from_conf(config.build())
}

/// EventBridge's client.
pub(crate) fn event_bridge(aws: &SdkConfig) -> aws_sdk_eventbridge::Client {
    let config = aws_sdk_eventbridge::config::Builder::from(aws).retry_partition(retry_budget());
    aws_sdk_eventbridge::Client::from_conf(config.build())
}

/// KMS's client.
pub(crate) fn kms(aws: &SdkConfig) -> aws_sdk_kms::Client {
    let config = aws_sdk_kms::config::Builder::from(aws).retry_partition(retry_budget());
    aws_sdk_kms::Client::from_conf(config.build())
}

/// The configuration that all clients share. By default the SDK waits forever for a response that
/// was lost with its connection, and the function times out with its whole batch. Responses take
/// some 10 ms, rarely 100: half of `call_timeout` is enough for a try, connecting included. Test:
/// tests/it, silence.
///
/// On Lambda, region and credentials come only from the environment. The SDK's default chain also
/// asks profiles, containers and the instance, and adds its code to every function.
#[must_use]
pub fn sdk_config(call_timeout: Duration) -> SdkConfig {
    let retries = RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(FIRST_BACKOFF);
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(call_timeout / 2)
        .operation_timeout(call_timeout)
        .build();
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let mut shared = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(settings::optional("AWS_REGION").map(Region::new))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(retries)
        .timeout_config(timeouts)
        // It monitors the throughput of each response, which `call_timeout` already limits.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    // The address of the local cloud.
    shared.set_endpoint_url(settings::optional("AWS_ENDPOINT_URL"));
    shared.build()
}

#[cfg(test)]
mod tests {
    use domain::flow::{AWS_CALL_TIMEOUT, RECORDING_RESERVE};

    use super::*;

    #[test]
    fn all_tries_fit_into_a_call_and_two_calls_into_what_is_kept_free_for_records() {
        let pauses: Duration = (1..MAX_ATTEMPTS)
            .map(|tried| FIRST_BACKOFF * 2u32.pow(tried - 1))
            .sum();
        assert!(
            pauses < AWS_CALL_TIMEOUT.mul_f64(0.8),
            "{pauses:?} of {AWS_CALL_TIMEOUT:?}, and the tries themselves take time"
        );
        assert!(AWS_CALL_TIMEOUT * 2 < RECORDING_RESERVE);
    }
}
