//! API keys: `postel_<key id>_<secret><checksum>`.
//!
//! A fixed prefix lets secret scanners find a leaked key. The checksum lets a mistyped key be
//! rejected without any read. The 32 random bytes make a slow hash unnecessary, so a plain SHA-256
//! is stored.

mod grant;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use crate::author::Author;
use crate::ids::{KeyId, TenantId};
use crate::time::Time;
use crate::ulid::base32;

pub(crate) use grant::granted_scopes;
pub use grant::{KeyGrantor, MAX_KEYS, NewKey, too_many_keys};

const PREFIX: &str = "postel_";
const SECRET_CHARACTERS: usize = 52;
const CHECKSUM_CHARACTERS: usize = 7;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is its written form")]
pub enum Scope {
    #[serde(rename = "events:write")]
    EventsWrite,
    #[serde(rename = "events:erase")]
    EventsErase,
    #[serde(rename = "webhooks:read")]
    WebhooksRead,
    #[serde(rename = "webhooks:write")]
    WebhooksWrite,
    #[serde(rename = "deliveries:read")]
    DeliveriesRead,
    #[serde(rename = "deliveries:retry")]
    DeliveriesRetry,
    #[serde(rename = "keys")]
    Keys,
}

impl Scope {
    /// All of a tenant's scopes: the default of a new key.
    pub const ALL: [Self; 7] = [
        Self::EventsWrite,
        Self::EventsErase,
        Self::WebhooksRead,
        Self::WebhooksWrite,
        Self::DeliveriesRead,
        Self::DeliveriesRetry,
        Self::Keys,
    ];

    /// The written form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EventsWrite => "events:write",
            Self::EventsErase => "events:erase",
            Self::WebhooksRead => "webhooks:read",
            Self::WebhooksWrite => "webhooks:write",
            Self::DeliveriesRead => "deliveries:read",
            Self::DeliveriesRetry => "deliveries:retry",
            Self::Keys => "keys",
        }
    }

    /// Parses the written form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// A stored key: never the key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The public part.
    pub id: KeyId,
    /// The tenant that it belongs to.
    pub tenant: TenantId,
    /// Display name.
    pub name: Option<String>,
    /// SHA-256 of the whole key, in hex.
    pub hash: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was created.
    pub created_at: Time,
    /// Who created it. `None` if a version of Postel did that does not write it.
    pub created_by: Option<Author>,
    /// When it expires.
    pub expires_at: Option<Time>,
    /// Last use, accurate to one minute. Never written with the other fields: see
    /// [`crate::ports::Keys::used`].
    pub last_used_at: Option<Time>,
}

/// Writes a key. `secret` is 32 random bytes.
#[must_use]
pub fn write(id: &KeyId, secret: [u8; 32]) -> String {
    with_secret(&format!("{PREFIX}{id}"), secret)
}

/// The key id of a well-formed key; `None` for any other text, even with a single mistyped
/// character.
#[must_use]
pub fn parse(text: &str) -> Option<KeyId> {
    let id = without_secret(text)?.strip_prefix(PREFIX)?;
    id.parse().ok()
}

/// A text that names what it opens, with its secret and a checksum: `<name>_<secret><checksum>`.
pub(crate) fn with_secret(name: &str, secret: [u8; 32]) -> String {
    let (high, low) = secret.split_at(16);
    let half = |bytes: &[u8]| {
        base32(
            bytes
                .iter()
                .fold(0u128, |acc, b| (acc << 8) | u128::from(*b)),
            26,
        )
        .to_lowercase()
    };
    let body = format!("{name}_{}{}", half(high), half(low));
    let sum = checksum(&body);
    body + &sum
}

/// The name in a well-formed text of [`with_secret`].
pub(crate) fn without_secret(text: &str) -> Option<&str> {
    let (body, sum) = text.split_at_checked(text.len().checked_sub(CHECKSUM_CHARACTERS)?)?;
    let (name, secret) = body.rsplit_once('_')?;
    let is_complete = secret.len() == SECRET_CHARACTERS
        && bool::from(checksum(body).as_bytes().ct_eq(sum.as_bytes()));
    is_complete.then_some(name)
}

/// The hash that is stored for a key.
#[must_use]
pub fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Compares a presented key with a stored hash in constant time.
#[must_use]
pub fn matches(text: &str, stored_hash: &str) -> bool {
    hash(text).as_bytes().ct_eq(stored_hash.as_bytes()).into()
}

/// 35 bits of SHA-256: a mistyped character passes once in 3 * 10^10 times.
fn checksum(body: &str) -> String {
    let bits = Sha256::digest(body.as_bytes())
        .iter()
        .take(5)
        .fold(0u128, |acc, b| (acc << 8) | u128::from(*b));
    base32(bits >> 5, 7).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> String {
        write(&KeyId::new([9; 16]), [3; 32])
    }

    #[test]
    fn a_key_names_its_id() {
        assert_eq!(parse(&key()), Some(KeyId::new([9; 16])));
    }

    #[test]
    fn every_single_mistyped_character_is_refused() {
        let key = key();
        for (index, _) in key.char_indices() {
            for typo in "abcdefghijklmnopqrstuvwxyz0123456789_A".chars() {
                let mut wrong: Vec<char> = key.chars().collect();
                if wrong[index] == typo {
                    continue;
                }
                wrong[index] = typo;
                let wrong: String = wrong.into_iter().collect();
                assert_eq!(parse(&wrong), None, "{wrong}");
            }
        }
        assert_eq!(parse(""), None);
        assert_eq!(parse("postel_"), None);
        assert_eq!(parse("ä"), None);
    }

    #[test]
    fn only_the_key_itself_matches_its_hash() {
        assert!(matches(&key(), &hash(&key())));
        assert!(!matches(
            &write(&KeyId::new([9; 16]), [4; 32]),
            &hash(&key())
        ));
        assert!(!matches(&key(), ""));
    }
}
