//! Fingerprints of secrets, which let functions that cannot decrypt a secret recognise it, and of
//! requests, which may contain secrets: they distinguish a repeated request from a different one.
//!
//! A plain hash could be attacked by guessing with read access to the table, since a literal
//! contract's secret may be short; so it is keyed with a secret of the stack. It also covers the
//! ciphertext: no two webhooks have the same fingerprint, and a changed ciphertext has none.

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};
use domain::contract::Secret;
use domain::ids::TenantId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Separate these uses of the key from each other and from others.
const OF_SECRET: &[u8] = b"postel secret fingerprint 1";
const OF_REQUEST: &[u8] = b"postel request fingerprint 1";

/// Computes fingerprints.
pub struct Fingerprints {
    key: Secret,
}

impl Fingerprints {
    /// With a key of the stack.
    #[must_use]
    pub const fn new(key: Secret) -> Self {
        Self { key }
    }

    /// The fingerprint of a secret and its ciphertext.
    #[must_use]
    pub fn of(&self, cipher: &str, secret: &Secret) -> String {
        self.hash([OF_SECRET, cipher.as_bytes(), secret.expose().as_bytes()])
    }

    /// The fingerprint of a tenant's request to create the resource with this id. Equal requests of
    /// two tenants, or for two resources, have different fingerprints.
    #[must_use]
    pub fn of_request(&self, tenant: &TenantId, id: &str, content: &str) -> String {
        self.hash([
            OF_REQUEST,
            tenant.as_str().as_bytes(),
            id.as_bytes(),
            content.as_bytes(),
        ])
    }

    fn hash<const N: usize>(&self, parts: [&[u8]; N]) -> String {
        // HMAC takes keys of any length, so this cannot fail.
        let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(self.key.expose().as_bytes())
        else {
            return String::new();
        };
        for part in parts {
            mac.update(&part.len().to_be_bytes());
            mac.update(part);
        }
        BASE64_STANDARD_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn key_ciphertext_and_secret_each_change_it_and_it_holds_none_of_them() {
        let of = |key: &str, cipher: &str, secret: &str| {
            Fingerprints::new(Secret::new(key.to_owned()))
                .of(cipher, &Secret::new(secret.to_owned()))
        };
        let all = [
            of("key", "cipher", "secret"),
            of("key2", "cipher", "secret"),
            of("key", "cipher2", "secret"),
            of("key", "cipher", "secret2"),
            of("key", "ciphers", "ecret"),
        ];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_eq!(all[0], of("key", "cipher", "secret"));
        assert_eq!(all[0].len(), 43);
        let request = |tenant: &str, id, content| {
            Fingerprints::new(Secret::new("key".to_owned())).of_request(
                &tenant.parse().unwrap(),
                id,
                content,
            )
        };
        let requests = [
            request("t", "id", "content"),
            request("t2", "id", "content"),
            request("t", "id2", "content"),
            request("t", "id", "content2"),
            request("t", "idc", "ontent"),
        ];
        let different: HashSet<_> = requests.iter().chain(&all).collect();
        assert_eq!(different.len(), requests.len() + all.len());
    }
}
