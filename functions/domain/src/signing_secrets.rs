//! The secrets that sign a webhook's deliveries, over time.
//!
//! The newest secret has no end, and each older one has one; so whatever is rotated, and whatever
//! the time or the clocks, there is always a secret to sign with. Where a contract has room for
//! only one signature, the oldest secret that has not ended signs: the receiver knows it, and has
//! until then to learn the newer ones.

use std::cmp::Reverse;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::time::Time;

/// The maximum number of old secrets that still sign: each adds a signature to the header. A third
/// one makes one end at once: see [`SigningSecrets::rotated`].
pub const MAX_PREVIOUS_SECRETS: usize = 2;

/// A webhook's signing secrets, encrypted. Empty if it never had one: its contract does not sign,
/// and its owner gave none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningSecrets {
    newest: Option<String>,
    /// Lets callers that cannot decrypt recognise the newest secret: a keyed hash of its ciphertext
    /// and itself. `None` if none was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    /// Newest first, so none ends after the one before it.
    #[serde(default)]
    previous: Vec<PreviousSecret>,
}

/// A secret that a newer one has replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PreviousSecret {
    /// The ciphertext in base64.
    cipher: String,
    /// When it stops signing.
    ends_at: Time,
}

impl SigningSecrets {
    /// A first secret, from its ciphertext.
    #[must_use]
    pub const fn new(cipher: String) -> Self {
        Self {
            newest: Some(cipher),
            fingerprint: None,
            previous: Vec::new(),
        }
    }

    /// Adds the newest secret's fingerprint, with which [`SigningSecrets::newest_has`] recognises
    /// it.
    #[must_use]
    pub fn with_fingerprint(self, fingerprint: String) -> Self {
        Self {
            fingerprint: Some(fingerprint),
            ..self
        }
    }

    /// Adds older secrets, each with its ciphertext and its end.
    #[must_use]
    pub fn with_previous(self, older: Vec<(String, Time)>) -> Self {
        let older = older.into_iter();
        let mut previous: Vec<_> = older
            .map(|(cipher, ends_at)| PreviousSecret { cipher, ends_at })
            .collect();
        previous.sort_by_key(|secret| Reverse(secret.ends_at));
        Self { previous, ..self }
    }

    /// Whether a secret is already the newest one. `fingerprint` computes the secret's fingerprint
    /// for the newest one's ciphertext.
    pub fn newest_has(&self, fingerprint: impl Fn(&str) -> String) -> bool {
        let (Some(cipher), Some(known)) = (&self.newest, &self.fingerprint) else {
            return false;
        };
        known
            .as_bytes()
            .ct_eq(fingerprint(cipher).as_bytes())
            .into()
    }

    /// Whether both have the same newest secret: whatever else differs is about older ones.
    #[must_use]
    pub fn has_same_newest(&self, other: &Self) -> bool {
        self.newest == other.newest
    }

    /// Adds a newer secret. The older ones end after `overlap`, or at their own end if that is
    /// sooner; without an overlap, all of them end at once.
    ///
    /// Of three older secrets one ends at once. Where a header carries `several` signatures, it is
    /// the oldest: the receiver has had most time to learn another. Where it carries one, the
    /// oldest signs alone and is the one that the receiver knows, so it keeps its promised end; the
    /// second oldest, which has signed nothing yet, is dropped.
    #[must_use]
    pub fn rotated(&self, cipher: String, now: Time, overlap: Duration, several: bool) -> Self {
        let end = now.plus(overlap);
        let newest = self.newest.iter().map(|cipher| PreviousSecret {
            cipher: cipher.clone(),
            ends_at: end,
        });
        let older = self.previous.iter().map(|secret| PreviousSecret {
            cipher: secret.cipher.clone(),
            ends_at: secret.ends_at.min(end),
        });
        let mut previous: Vec<_> = newest
            .chain(older)
            .filter(|secret| now < secret.ends_at)
            .collect();
        while previous.len() > MAX_PREVIOUS_SECRETS {
            let from_the_end = if several { 1 } else { 2 };
            previous.remove(previous.len().saturating_sub(from_the_end));
        }
        Self {
            newest: Some(cipher),
            fingerprint: None,
            previous,
        }
    }

    /// The same secrets, with the older ones ending at this time at the latest.
    #[must_use]
    pub fn ending_by(&self, end: Time) -> Self {
        let mut sooner = self.clone();
        for secret in &mut sooner.previous {
            secret.ends_at = secret.ends_at.min(end);
        }
        sooner
    }

    /// Only the newest secret, from now on.
    #[must_use]
    pub fn without_previous(&self) -> Self {
        Self {
            newest: self.newest.clone(),
            fingerprint: self.fingerprint.clone(),
            previous: Vec::new(),
        }
    }

    /// The ciphertexts of the secrets that sign at a time, newest first: all that have not ended
    /// where a header may carry `several` signatures, else the oldest of them.
    pub fn signing_at(&self, at: Time, several: bool) -> impl Iterator<Item = &str> {
        let previous = self.previous_at(at).map(|secret| secret.cipher.as_str());
        let all: Vec<_> = self.newest.as_deref().into_iter().chain(previous).collect();
        let skipped = if several {
            0
        } else {
            all.len().saturating_sub(1)
        };
        all.into_iter().skip(skipped)
    }

    /// When the older secrets that have not ended at a time will end, newest first.
    pub fn previous_ends(&self, at: Time) -> impl Iterator<Item = Time> {
        self.previous_at(at).map(|secret| secret.ends_at)
    }

    fn previous_at(&self, at: Time) -> impl Iterator<Item = &PreviousSecret> {
        self.previous
            .iter()
            .filter(move |secret| at < secret.ends_at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Time {
        Time::from_millis(second * 1000)
    }

    fn signers(secrets: &SigningSecrets, second: i64, several: bool) -> Vec<&str> {
        secrets.signing_at(at(second), several).collect()
    }

    /// A, then B with an overlap of 3 s, and immediately C with one of 30 s.
    #[test]
    fn a_second_rotation_within_the_first_ones_overlap_leaves_no_time_without_a_signer() {
        let first = SigningSecrets::new("A".to_owned());
        let second = first.rotated("B".to_owned(), at(0), Duration::from_secs(3), true);
        let third = second.rotated("C".to_owned(), at(0), Duration::from_secs(30), true);
        for (second, one, several) in [
            (1, "A", vec!["C", "B", "A"]),
            (12, "B", vec!["C", "B"]),
            (33, "C", vec!["C"]),
        ] {
            assert_eq!(signers(&third, second, false), [one]);
            assert_eq!(signers(&third, second, true), several);
        }
    }

    #[test]
    fn a_rotation_without_an_overlap_ends_all_older_ones_at_once() {
        let secrets = SigningSecrets::new("A".to_owned())
            .rotated("B".to_owned(), at(0), Duration::from_secs(100), true)
            .rotated("C".to_owned(), at(1), Duration::ZERO, true);
        assert_eq!(secrets, SigningSecrets::new("C".to_owned()));
        let ended = SigningSecrets::new("A".to_owned())
            .rotated("B".to_owned(), at(0), Duration::from_secs(100), true)
            .without_previous();
        assert_eq!(ended, SigningSecrets::new("B".to_owned()));
    }

    #[test]
    fn the_older_ones_end_by_a_time_or_sooner() {
        let secrets = SigningSecrets::new("A".to_owned())
            .rotated("B".to_owned(), at(0), Duration::from_secs(10), true)
            .rotated("C".to_owned(), at(1), Duration::from_secs(100), true);
        let ends = |secrets: &SigningSecrets| secrets.previous_ends(at(1)).collect::<Vec<_>>();
        assert_eq!(ends(&secrets), [at(101), at(10)]);
        assert_eq!(secrets.ending_by(at(101)), secrets);
        assert_eq!(ends(&secrets.ending_by(at(50))), [at(50), at(10)]);
        assert_eq!(ends(&secrets.ending_by(at(5))), [at(5), at(5)]);
        assert!(ends(&secrets.ending_by(at(1))).is_empty());
    }

    #[test]
    fn the_newest_is_known_by_its_own_fingerprint_and_no_other_secret_is() {
        let of = |secret: &'static str| move |cipher: &str| format!("{cipher}/{secret}");
        let first = SigningSecrets::new("A".to_owned()).with_fingerprint(of("a")("A"));
        assert!(first.newest_has(of("a")) && !first.newest_has(of("b")));
        let second = first.rotated("B".to_owned(), at(0), Duration::from_secs(9), true);
        // Until the new secret's fingerprint is stored, none is known; the old one's is not the new
        // one's.
        assert!(!second.newest_has(of("a")) && !second.newest_has(of("b")));
        let second = second.with_fingerprint(of("b")("B"));
        assert!(second.newest_has(of("b")) && !second.newest_has(of("a")));
        assert!(second.without_previous().newest_has(of("b")));
        assert!(!SigningSecrets::default().newest_has(of("a")));
    }

    #[test]
    fn secrets_that_come_from_elsewhere_sign_until_their_ends_in_any_order() {
        let (b, c) = (("B".to_owned(), at(9)), ("C".to_owned(), at(5)));
        for older in [vec![b.clone(), c.clone()], vec![c, b]] {
            let secrets = SigningSecrets::new("A".to_owned()).with_previous(older);
            assert_eq!(signers(&secrets, 4, true), ["A", "B", "C"]);
            assert_eq!(signers(&secrets, 4, false), ["C"]);
            assert_eq!(signers(&secrets, 5, false), ["B"]);
            assert_eq!(signers(&secrets, 9, true), ["A"]);
        }
    }

    #[test]
    fn a_webhook_that_never_had_a_secret_signs_with_its_first_one_at_once() {
        let none = SigningSecrets::default();
        assert_eq!(signers(&none, 0, true), [""; 0]);
        let one = none.rotated("A".to_owned(), at(5), Duration::from_secs(9), true);
        assert_eq!(signers(&one, 0, false), ["A"]);
    }

    /// A, which the receiver knows, and three rotations within the overlap of the first.
    #[test]
    fn with_one_signature_the_secret_that_signs_keeps_the_end_it_was_promised() {
        let rotate = |several| {
            ["B", "C", "D"].into_iter().zip(0..).fold(
                SigningSecrets::new("A".to_owned()),
                |secrets, (next, second)| {
                    let overlap = Duration::from_secs(10);
                    secrets.rotated(next.to_owned(), at(second), overlap, several)
                },
            )
        };
        let one = rotate(false);
        for (second, signer) in [(2, "A"), (9, "A"), (10, "C"), (11, "C"), (12, "D")] {
            assert_eq!(signers(&one, second, false), [signer], "{second}");
        }
        assert_eq!(signers(&rotate(true), 9, true), ["D", "C", "B"]);
    }

    proptest! {
        #[test]
        fn one_secret_signs_at_every_time_and_none_outlives_its_overlap(
            rotations in prop::collection::vec((0i64..50, 0u64..60), 1..12),
            later in 0i64..200,
            several in any::<bool>(),
        ) {
            let (mut secrets, mut now) = (SigningSecrets::new("0".to_owned()), 0);
            // When each secret must have ended, as its owner requested.
            let mut ends = vec![i64::MAX];
            for (number, (wait, overlap)) in rotations.iter().enumerate() {
                now += wait;
                let signer = signers(&secrets, now, false).concat();
                secrets = secrets.rotated((number + 1).to_string(), at(now), Duration::from_secs(*overlap), several);
                let end = now + i64::try_from(*overlap).unwrap();
                ends.iter_mut().for_each(|known| *known = end.min(*known));
                ends.push(i64::MAX);
                if !several {
                    // The secret that the receiver knows signs until its promised end.
                    let last = ends[signer.parse::<usize>().unwrap()] - 1;
                    for second in now..=last {
                        prop_assert_eq!(signers(&secrets, second, false), [signer.as_str()], "at {}", second);
                    }
                }
                for second in (0..=now + later).step_by(3) {
                    let one = signers(&secrets, second, false);
                    let all = signers(&secrets, second, true);
                    // For a contract with one signature, exactly one secret signs, and contracts
                    // with several signatures use it too.
                    prop_assert_eq!(one.len(), 1);
                    prop_assert_eq!(all.last(), one.last());
                    prop_assert!((1..=1 + MAX_PREVIOUS_SECRETS).contains(&all.len()));
                    // The newest secret may always sign, and comes first.
                    prop_assert_eq!(all[0].parse::<usize>().unwrap(), number + 1);
                    prop_assert_eq!(secrets.previous_ends(at(second)).count(), all.len() - 1);
                    for signer in &all {
                        let number: usize = signer.parse().unwrap();
                        prop_assert!(second < ends[number], "{signer} signs at {second}, its end was {}", ends[number]);
                    }
                    // Of the secrets whose overlap has not ended, only a third older one is
                    // dropped. With one signature, the dropped one is not the one that ends first,
                    // so fewer may be left later.
                    let in_time = ends.iter().filter(|end| second.max(now) < **end).count();
                    if several && second >= now || second == now {
                        prop_assert_eq!(all.len(), in_time.min(1 + MAX_PREVIOUS_SECRETS));
                    }
                }
            }
        }
    }
}
