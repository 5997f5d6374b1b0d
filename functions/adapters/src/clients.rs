//! The AWS clients, built once per process before the first event.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};

/// How often a call is tried that AWS throttles or does not answer. Of calls that fail with probability 0.3, three tries leave one of 37, and after a
/// POST that is a POST made again; six leave one of 1,400. Row 4 of `make chaos` counts them.
const TRIES: u32 = 6;

/// The longest pause after the first try; it doubles after each. All five together stay under what an invocation keeps free for its records
/// (`domain::flow::RESERVE`).
const PAUSE: Duration = Duration::from_millis(100);

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
