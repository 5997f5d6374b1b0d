//! The rotation of a webhook's signing secret, and how long the older secrets still sign.

use std::time::Duration;

use crate::author::Author;
use crate::contract::Contract;
use crate::rejection::{Code, Rejection};
use crate::tenant::Webhook;
use crate::time::Time;

/// The default overlap, where both secrets can sign.
const DEFAULT_OVERLAP: Duration = Duration::from_secs(24 * 3600);
/// The maximum overlap.
pub(super) const MAX_OVERLAP: Duration = Duration::from_secs(7 * 24 * 3600);

/// A valid rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    overlap: Duration,
    /// Whether the header carries several signatures.
    several: bool,
}

impl Rotation {
    /// The rotation that the caller requests. Where a header carries only one signature, the
    /// default is no overlap and the new secret signs at once: until the end of an overlap it would
    /// not sign.
    ///
    /// # Errors
    /// `invalid_value` for an overlap that is too long.
    pub fn requested(contract: &Contract, overlap_seconds: Option<u64>) -> Result<Self, Rejection> {
        let signature = contract.signature.as_ref();
        let several = signature.is_some_and(|signature| signature.several);
        let default = if several {
            DEFAULT_OVERLAP
        } else {
            Duration::ZERO
        };
        let overlap = overlap_seconds.map_or(default, Duration::from_secs);
        if overlap > MAX_OVERLAP {
            let most = MAX_OVERLAP.as_secs();
            let detail = format!("An overlap is at most {most} seconds, seven days.");
            return Err(Rejection::new(Code::InvalidValue, detail).field("overlapSeconds"));
        }
        Ok(Self { overlap, several })
    }

    /// The webhook with its new secret, given as ciphertext. `fingerprint` computes the secret's
    /// fingerprint for a ciphertext, `by` rotates. `None` if nothing changes.
    ///
    /// If the secret is already the newest one, the response to an earlier request was lost: the
    /// rotation is done, and the older secrets keep their end, unless this overlap ends sooner.
    pub fn apply(
        self,
        before: &Webhook,
        cipher: &str,
        fingerprint: impl Fn(&str) -> String,
        by: &Author,
        now: Time,
    ) -> Option<Webhook> {
        let secrets = if before.secrets.newest_has(&fingerprint) {
            before.secrets.ending_by(now.plus(self.overlap))
        } else {
            before
                .secrets
                .rotated(cipher.to_owned(), now, self.overlap, self.several)
                .with_fingerprint(fingerprint(cipher))
        };
        (secrets != before.secrets).then(|| {
            let after = Webhook {
                secrets,
                ..before.clone()
            };
            after.replacing(before, by, now)
        })
    }
}

/// The webhook with only its newest secret. `None` if it has no other.
#[must_use]
pub fn end_previous_secrets(before: &Webhook, by: &Author, now: Time) -> Option<Webhook> {
    let secrets = before.secrets.without_previous();
    (secrets != before.secrets).then(|| {
        let after = Webhook {
            secrets,
            ..before.clone()
        };
        after.replacing(before, by, now)
    })
}

#[cfg(test)]
mod tests;
