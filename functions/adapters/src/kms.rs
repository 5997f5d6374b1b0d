//! Encryption of stored credentials. Each tenant has a key pair; KMS encrypts its private key with
//! the tenant and the public key as encryption context, so that it cannot be decrypted in another
//! tenant's row. Credentials are encrypted with the public key, each for its webhook and its use,
//! without KMS.
//!
//! The manage function may only encrypt, so it can decrypt nothing; the dispatcher may only
//! decrypt. Cost: one KMS request for a new tenant; one for each tenant, process and five minutes,
//! however many webhooks, secrets and headers the tenant has.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_kms::Client;
use aws_sdk_kms::error::SdkError;
use aws_sdk_kms::operation::decrypt::DecryptError;
use aws_sdk_kms::primitives::Blob;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use domain::contract::Secret;
use domain::credential::{CredentialUse, SealingKeys};
use domain::ids::{TenantId, WebhookId};
use domain::ports::{Fault, OrFault as _, SecretCipher, Stage};
use domain::tenant::Subscription;
use rustls::crypto::hpke::HpkePrivateKey;
use sha2::{Digest as _, Sha256};

use crate::aws_error::{OrAwsFault as _, aws_fault};
use crate::cache::Cache;
use crate::clients;
use crate::clock::now;
use crate::sealing;

/// How long a decrypted key or credential is kept in memory.
const MAX_AGE: Duration = Duration::from_secs(300);
/// Each costs a KMS request.
const MAX_KEYS: usize = 10_000;
/// Each takes at most 4 KiB of memory, and less than a tenth of a millisecond of processor time to
/// decrypt again.
const MAX_CREDENTIALS: usize = 4000;

/// Creates tenants' key pairs; KMS encrypts the private keys.
pub struct KeyMaker {
    kms: Client,
    key: String,
}

/// Decrypts private keys with KMS, and credentials with them.
pub struct KmsCipher {
    kms: Client,
    private_keys: Cache<[u8; 32], Arc<HpkePrivateKey>>,
    credentials: Cache<[u8; 32], Secret>,
}

/// Encrypts a credential of a webhook. Returns the ciphertext in base64.
///
/// # Errors
/// If the tenant's public key is invalid.
pub fn encrypt(
    keys: &SealingKeys,
    webhook: &WebhookId,
    of: CredentialUse<'_>,
    credential: &Secret,
) -> Result<String, Fault> {
    sealing::seal(&keys.public, &of.place(webhook), credential).or_corrupt(Stage::Encrypt)
}

impl KeyMaker {
    /// With one KMS key.
    #[must_use]
    pub fn new(aws: &SdkConfig, key: String) -> Self {
        Self {
            kms: clients::kms(aws),
            key,
        }
    }

    /// The key pair of a new tenant.
    ///
    /// # Errors
    /// If KMS does not answer.
    pub async fn new_keys(&self, tenant: &TenantId) -> Result<SealingKeys, Fault> {
        let (public, private) = sealing::new_keys().or_bug(Stage::Encrypt)?;
        let answer = self
            .kms
            .encrypt()
            .key_id(&self.key)
            .plaintext(Blob::new(private.secret_bytes()))
            .encryption_context("tenant", tenant.as_str())
            .encryption_context("public-key", &public)
            .send()
            .await
            .or_fault(Stage::Encrypt)?;
        let blob = answer
            .ciphertext_blob
            .ok_or_else(|| Fault::transient(Stage::Encrypt, "KMS answered without a ciphertext"))?;
        Ok(SealingKeys {
            public,
            sealed_private: BASE64_STANDARD.encode(blob),
        })
    }
}

impl KmsCipher {
    /// A cipher with an empty cache.
    #[must_use]
    pub fn new(aws: &SdkConfig) -> Self {
        Self {
            kms: clients::kms(aws),
            private_keys: Cache::new(MAX_KEYS, MAX_AGE),
            credentials: Cache::new(MAX_CREDENTIALS, MAX_AGE),
        }
    }

    /// A tenant's private key; concurrent callers make one KMS request.
    async fn private_key(
        &self,
        tenant: &TenantId,
        keys: &SealingKeys,
    ) -> Result<Arc<HpkePrivateKey>, Fault> {
        let kept_as = digest([tenant.as_str(), &keys.public, &keys.sealed_private]);
        let read = self.open_private_key(tenant, keys);
        self.private_keys.get_or_read(&kept_as, now, read).await
    }

    async fn open_private_key(
        &self,
        tenant: &TenantId,
        keys: &SealingKeys,
    ) -> Result<Arc<HpkePrivateKey>, Fault> {
        let blob = BASE64_STANDARD
            .decode(&keys.sealed_private)
            .or_corrupt(Stage::Decrypt)?;
        // The key is not named: KMS reads it from the ciphertext. A restored table has private keys
        // that the KMS key of an earlier stack encrypted; the role (FormerKeyArns) limits which
        // keys may be used at all.
        let answer = self
            .kms
            .decrypt()
            .ciphertext_blob(Blob::new(blob))
            .encryption_context("tenant", tenant.as_str())
            .encryption_context("public-key", &keys.public)
            .send()
            .await
            .map_err(decrypt_fault)?;
        let plain = answer
            .plaintext
            .ok_or_else(|| Fault::transient(Stage::Decrypt, "KMS answered without a plaintext"))?;
        Ok(Arc::new(HpkePrivateKey::from(plain.into_inner())))
    }
}

impl SecretCipher for KmsCipher {
    async fn decrypt(
        &self,
        to: &Subscription,
        of: CredentialUse<'_>,
        cipher: &str,
    ) -> Result<Secret, Fault> {
        let (tenant, keys) = (&to.webhook.tenant, &to.sealing_keys);
        let place = of.place(&to.webhook.id);
        let kept_as = digest([tenant.as_str(), &keys.sealed_private, &place, cipher]);
        let open = async {
            let key = self.private_key(tenant, keys).await?;
            sealing::open(&key, &place, cipher)
                .map_err(|e| Fault::corrupt(Stage::Decrypt, format!("{}: {e}", to.webhook.id)))
        };
        self.credentials.get_or_read(&kept_as, now, open).await
    }
}

/// KMS answers that a ciphertext was changed, or belongs to another key or context: that is
/// permanent. Every other error is temporary, or the operator must fix it.
fn decrypt_fault(error: SdkError<DecryptError>) -> Fault {
    let is_final = error.as_service_error().is_some_and(|error| {
        error.is_invalid_ciphertext_exception() || error.is_incorrect_key_exception()
    });
    if is_final {
        Fault::corrupt(Stage::Decrypt, error)
    } else {
        aws_fault(error, Stage::Decrypt)
    }
}

/// The key of a cache entry: its parts hashed, so that it is short and contains no ciphertext. The
/// parts contain no zero byte.
fn digest<const N: usize>(parts: [&str; N]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    hash.finalize().into()
}
