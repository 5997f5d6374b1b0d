//! The AWS clients, built once per process before the first event.

use aws_config::{BehaviorVersion, SdkConfig};

/// The configuration that all clients share, and with it one connection pool. On Lambda, region and credentials stand in the environment, which is
/// where the default chain looks first.
pub async fn aws() -> SdkConfig {
    aws_config::load_defaults(BehaviorVersion::latest()).await
}
