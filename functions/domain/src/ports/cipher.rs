//! Credentials at rest.

use std::future::Future;

use super::Fault;
use crate::contract::Secret;
use crate::credential::CredentialUse;
use crate::tenant::Subscription;

/// Credentials at rest.
pub trait SecretCipher {
    /// Opens a credential that was sealed with the tenant's keys for this webhook and this use. [`super::Stage::Corrupt`] if it never opens.
    fn unseal(
        &self,
        to: &Subscription,
        of: CredentialUse<'_>,
        cipher: &str,
    ) -> impl Future<Output = Result<Secret, Fault>> + Send;
}
