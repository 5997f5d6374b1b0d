//! Secrets at rest: KMS seals and opens them directly (they are below its 4 KiB), with tenant and webhook as encryption context: a ciphertext
//! copied into another tenant's row does not open.
//!
//! The manage function may only seal, the dispatcher only open. Cost: one KMS request for each secret, process and five minutes.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use domain::contract::Secret;
use domain::ids::{TenantId, WebhookId};
use domain::ports::{Fault, Stage, Vault};
use domain::time::Time;

use crate::clients;
use crate::clock::now;
use crate::flights::Flights;

/// How long an opened secret is kept in memory.
const KEPT: Duration = Duration::from_secs(300);
/// How many are kept; beyond, all are dropped and opened again.
const MOST_KEPT: usize = 10_000;

/// KMS.
pub struct KmsVault {
    kms: Client,
    key: String,
    opened: Mutex<HashMap<String, (Time, Secret)>>,
    flights: Flights,
}

impl KmsVault {
    /// A vault over one key.
    #[must_use]
    pub fn new(aws: &SdkConfig, key: String) -> Self {
        Self {
            kms: clients::kms(aws),
            key,
            opened: Mutex::default(),
            flights: Flights::default(),
        }
    }

    /// Seals a secret. The ciphertext in base64.
    ///
    /// # Errors
    /// If KMS does not answer.
    pub async fn seal(
        &self,
        tenant: &TenantId,
        webhook: &WebhookId,
        secret: &Secret,
    ) -> Result<String, Fault> {
        let answer = self
            .kms
            .encrypt()
            .key_id(&self.key)
            .plaintext(Blob::new(secret.expose()))
            .encryption_context("tenant", tenant.as_str())
            .encryption_context("webhook", webhook.as_str())
            .send()
            .await
            .map_err(|e| Fault::new(Stage::Encrypt, e))?;
        let blob = answer
            .ciphertext_blob
            .ok_or_else(|| Fault::new(Stage::Encrypt, "KMS answered without a ciphertext"))?;
        Ok(BASE64_STANDARD.encode(blob))
    }

    fn remembered(&self, cipher: &str) -> Option<Secret> {
        let opened = self.opened.lock().ok()?;
        let (at, secret) = opened.get(cipher)?;
        (now().since(*at) < KEPT).then(|| secret.clone())
    }

    fn remember(&self, cipher: &str, secret: &Secret) {
        // A poisoned lock only means that nothing is remembered.
        let Ok(mut opened) = self.opened.lock() else {
            return;
        };
        if opened.len() >= MOST_KEPT {
            opened.clear();
        }
        opened.insert(cipher.to_owned(), (now(), secret.clone()));
    }
}

impl Vault for KmsVault {
    async fn unseal(
        &self,
        tenant: &TenantId,
        webhook: &WebhookId,
        cipher: &str,
    ) -> Result<Secret, Fault> {
        let remembered_as = format!("{tenant}/{webhook}/{cipher}");
        if let Some(secret) = self.remembered(&remembered_as) {
            return Ok(secret);
        }
        let _turn = self.flights.turn(&remembered_as).await;
        if let Some(secret) = self.remembered(&remembered_as) {
            return Ok(secret);
        }
        let blob = BASE64_STANDARD
            .decode(cipher)
            .map_err(|e| Fault::new(Stage::Decrypt, e))?;
        let answer = self
            .kms
            .decrypt()
            .key_id(&self.key)
            .ciphertext_blob(Blob::new(blob))
            .encryption_context("tenant", tenant.as_str())
            .encryption_context("webhook", webhook.as_str())
            .send()
            .await
            .map_err(|e| Fault::new(Stage::Decrypt, e))?;
        let plain = answer
            .plaintext
            .ok_or_else(|| Fault::new(Stage::Decrypt, "KMS answered without a plaintext"))?;
        let text = String::from_utf8(plain.into_inner())
            .map_err(|_| Fault::new(Stage::Decrypt, "the secret is not UTF-8"))?;
        let secret = Secret::new(text);
        self.remember(&remembered_as, &secret);
        Ok(secret)
    }
}
