//! The keys that encrypt a webhook's credentials, and what each credential is used for.
//!
//! Each tenant has its own key pair. Everyone with the public key can encrypt; only those who may
//! decrypt the private key can decrypt. So the function that accepts credentials cannot read them
//! back, and the function that sends them decrypts one private key per tenant, however many
//! credentials it has.

use serde::{Deserialize, Serialize};

use crate::ids::WebhookId;

/// The key pair that encrypts a tenant's credentials. It is created with the tenant and kept until
/// the tenant is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealingKeys {
    /// Encrypts. In base64.
    pub public: String,
    /// Decrypts; itself encrypted by the key service, in base64.
    pub sealed_private: String,
}

#[cfg(test)]
impl SealingKeys {
    /// For tests whose ciphers decrypt nothing.
    pub(crate) fn unused() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self {
            public: String::new(),
            sealed_private: String::new(),
        })
    }
}

/// What a credential is used for. The use is bound to the ciphertext.
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
    /// The position that a ciphertext is bound to within its tenant: it does not decrypt for
    /// another webhook or another use. No two positions have the same text, since neither a
    /// webhook's id nor a header's name contains a slash.
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
