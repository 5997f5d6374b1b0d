//! The AWS clients, built once per process before the first event.

use std::sync::OnceLock;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};

/// How often a call is tried that AWS throttles or does not answer. Of calls that fail with probability 0.3, three tries leave one of 37, and after a
/// POST that is a POST made again; six leave one of 1,400. Row 4 of `make chaos` counts them.
pub(crate) const TRIES: u32 = 6;

/// The longest pause after the first try; it doubles after each. All five together stay under what an invocation keeps free for its records
/// (`domain::flow::RESERVE`).
pub(crate) const PAUSE: Duration = Duration::from_millis(100);

/// What all repetitions of a process are paid from: each takes five tokens. By itself the SDK's purse of 500 fills by one for each call that succeeds at
/// once, so under throttling for minutes it is empty, and then nothing is repeated any more. With this one 20 a second always are.
const TOKENS: usize = 2_000;
const TOKENS_A_SECOND: f32 = 100.0;

fn purse() -> RetryPartition {
    static PURSE: OnceLock<RetryPartition> = OnceLock::new();
    let tokens = || {
        TokenBucket::builder()
            .capacity(TOKENS)
            .refill_rate(TOKENS_A_SECOND)
            .build()
    };
    PURSE
        .get_or_init(|| {
            RetryPartition::custom("postel")
                .token_bucket(tokens())
                .build()
        })
        .clone()
}

/// DynamoDB's client.
pub(crate) fn dynamodb(aws: &SdkConfig) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::config::Builder::from(aws).retry_partition(purse());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// SQS's client.
pub(crate) fn sqs(aws: &SdkConfig) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::config::Builder::from(aws).retry_partition(purse());
    aws_sdk_sqs::Client::from_conf(config.build())
}

/// The scheduler's client.
pub(crate) fn scheduler(aws: &SdkConfig) -> aws_sdk_scheduler::Client {
    let config = aws_sdk_scheduler::config::Builder::from(aws).retry_partition(purse());
    aws_sdk_scheduler::Client::from_conf(config.build())
}

/// KMS's client.
pub(crate) fn kms(aws: &SdkConfig) -> aws_sdk_kms::Client {
    let config = aws_sdk_kms::config::Builder::from(aws).retry_partition(purse());
    aws_sdk_kms::Client::from_conf(config.build())
}

/// The configuration that all clients share, and with it one connection pool. On Lambda, region and credentials stand in the environment, which is
/// where the default chain looks first.
pub async fn aws() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(TRIES)
                .with_initial_backoff(PAUSE),
        )
        .load()
        .await
}

#[cfg(test)]
mod tests {
    use domain::flow::RESERVE;

    use super::*;

    #[test]
    fn all_pauses_together_fit_into_what_is_kept_free_for_records() {
        let longest: Duration = (1..TRIES).map(|tried| PAUSE * 2u32.pow(tried - 1)).sum();
        assert!(
            longest < RESERVE.mul_f64(0.7),
            "{longest:?} of {RESERVE:?}, and the calls themselves take time"
        );
    }
}
