//! The rotation of a webhook's signing secret: how long the older ones still sign.

use std::time::Duration;

use crate::contract::Contract;
use crate::rejection::{Code, Rejection};
use crate::tenant::Webhook;
use crate::time::Time;

/// How long the old secret still signs where both can sign, unless the caller says otherwise.
const DEFAULT_OVERLAP: Duration = Duration::from_secs(24 * 3600);
/// The longest overlap that a caller may ask for.
const MAX_OVERLAP: Duration = Duration::from_secs(7 * 24 * 3600);

/// A rotation that may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    overlap: Duration,
    /// Whether the header carries several signatures.
    several: bool,
}

impl Rotation {
    /// A rotation as the caller asks for it. Where a header carries one signature only, the new
    /// secret signs at once unless the caller asks for an overlap: until its end the new one would
    /// sign nothing.
    ///
    /// # Errors
    /// `invalid_request` for an overlap that is too long.
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
            return Err(Rejection::new(Code::InvalidRequest, detail).field("overlapSeconds"));
        }
        Ok(Self { overlap, several })
    }

    /// The webhook with its new secret, by the secret's ciphertext. `fingerprint` makes the
    /// secret's fingerprint for a ciphertext. None if nothing changes.
    ///
    /// A secret that is the newest already is one whose answer was lost: the rotation is done, and
    /// the older ones keep the end that it gave them, unless this overlap ends sooner.
    pub fn apply(
        self,
        before: &Webhook,
        cipher: &str,
        fingerprint: impl Fn(&str) -> String,
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
            after.replacing(before, now)
        })
    }
}

/// The webhook with its newest secret alone. None if it has no other.
#[must_use]
pub fn end_previous_secrets(before: &Webhook, now: Time) -> Option<Webhook> {
    let secrets = before.secrets.without_previous();
    (secrets != before.secrets).then(|| {
        let after = Webhook {
            secrets,
            ..before.clone()
        };
        after.replacing(before, now)
    })
}

#[cfg(test)]
mod tests;
