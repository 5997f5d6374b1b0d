//! What a webhook signs and identifies itself with, as it is sealed.
//!
//! Each tenant has a key pair of its own. Whoever has the public key seals; only who may open the
//! private key opens. So the function that takes credentials in cannot read them back, and the one
//! that sends them opens one key for a tenant, however many credentials it has.

use serde::{Deserialize, Serialize};

use crate::ids::WebhookId;

/// The key pair that a tenant's credentials are sealed with. It is made with the tenant and stays
/// until the tenant is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealingKeys {
    /// Seals. In base64.
    pub public: String,
    /// Opens; itself sealed by the key service, in base64.
    pub sealed_private: String,
}

#[cfg(test)]
impl SealingKeys {
    /// For tests, whose vaults open nothing.
    pub(crate) fn unused() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self {
            public: String::new(),
            sealed_private: String::new(),
        })
    }
}

/// What a credential is used for. It is part of the seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialUse<'a> {
    /// It signs deliveries.
    Secret,
    /// It is the password of Basic authentication.
    Password,
    /// It is the value of the header of this name.
    Header(&'a str),
}

impl CredentialUse<'_> {
    /// The place that a ciphertext belongs to within its tenant: at another webhook, or for another
    /// use, it does not open. No two places have the same text, since neither a webhook's id nor a
    /// header's name has a slash.
    #[must_use]
    pub fn place(self, webhook: &WebhookId) -> String {
        match self {
            Self::Secret => format!("{webhook}/secret"),
            Self::Password => format!("{webhook}/password"),
            Self::Header(name) => format!("{webhook}/header/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_credentials_have_the_same_place() {
        let (one, other) = (WebhookId::new([1; 16]), WebhookId::new([2; 16]));
        let uses = [
            CredentialUse::Secret,
            CredentialUse::Password,
            CredentialUse::Header("secret"),
            CredentialUse::Header("password"),
            CredentialUse::Header("X-A"),
        ];
        let places: std::collections::BTreeSet<_> = [one, other]
            .iter()
            .flat_map(|webhook| uses.map(|of| of.place(webhook)))
            .collect();
        assert_eq!(places.len(), 2 * uses.len());
    }
}
