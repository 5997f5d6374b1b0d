//! Secrets that the stack generated: the operator's first key and the key that authenticates
//! cursors.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use domain::contract::Secret;
use domain::ports::{Fault, Stage};

use crate::aws_error::OrAwsFault as _;

/// Secrets Manager.
pub struct Secrets {
    client: Client,
}

impl Secrets {
    /// From an AWS configuration.
    #[must_use]
    pub fn new(aws: &SdkConfig) -> Self {
        Self {
            client: Client::new(aws),
        }
    }

    /// Reads one secret's current value.
    ///
    /// # Errors
    /// If it cannot be read or is shorter than the template makes it: an empty operator key would
    /// admit everybody.
    pub async fn read(&self, arn: &str) -> Result<Secret, Fault> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(arn)
            .send()
            .await
            .or_fault(Stage::ReadConfig)?;
        match answer.secret_string {
            Some(text) if text.len() >= 32 => Ok(Secret::new(text)),
            _ => Err(Fault::corrupt(
                Stage::ReadConfig,
                "the secret is missing or shorter than 32 characters",
            )),
        }
    }
}
