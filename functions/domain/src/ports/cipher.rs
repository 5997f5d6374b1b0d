//! Stored credentials.

use std::future::Future;

use super::Fault;
use crate::contract::Secret;
use crate::credential::CredentialUse;
use crate::tenant::Subscription;

/// Decryption of stored credentials.
pub trait SecretCipher {
    /// Decrypts a credential that was encrypted with the tenant's keys for this webhook and this
    /// use. [`super::FaultKind::Corrupt`] if it can never be decrypted.
    fn decrypt(
        &self,
        to: &Subscription,
        of: CredentialUse<'_>,
        cipher: &str,
    ) -> impl Future<Output = Result<Secret, Fault>> + Send;
}
