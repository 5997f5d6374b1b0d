//! The secrets that a webhook's deliveries are signed with, over time.
//!
//! The newest one has no end, and each older one has; so whatever is rotated, and whatever the time
//! or the clocks, there is one to sign with. Where a contract has room for one signature only, the
//! oldest that has not ended signs: the receiver knows that one, and learns the newer ones until
//! then.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::time::Time;

/// Old secrets that still sign, at most: each adds a signature to the header. Of three one ends at
/// once: see [`SigningSecrets::rotated`].
pub const MAX_PREVIOUS_SECRETS: usize = 2;

/// A webhook's signing secrets, sealed. None if it has never had one: its contract signs nothing,
/// and nobody gave one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningSecrets {
    newest: Option<String>,
    /// Tells whether a secret is the newest, for whoever cannot open it: a keyed hash of its
    /// ciphertext and itself. None if nobody kept it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    /// Newest first, so that none ends after the one before it.
    #[serde(default)]
    previous: Vec<PreviousSecret>,
}

/// A secret that another one has followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PreviousSecret {
    /// The ciphertext in base64.
    cipher: String,
    /// When it signs no more.
    ends_at: Time,
}

impl SigningSecrets {
    /// A first secret, by its ciphertext.
    #[must_use]
    pub const fn new(cipher: String) -> Self {
        Self {
            newest: Some(cipher),
            fingerprint: None,
            previous: Vec::new(),
        }
    }

    /// With the newest one's fingerprint, by which [`SigningSecrets::newest_has`] knows it.
    #[must_use]
    pub fn with_fingerprint(self, fingerprint: String) -> Self {
        Self {
            fingerprint: Some(fingerprint),
            ..self
        }
    }

    /// Whether a secret is the newest one already. `fingerprint` makes the secret's, for the newest
    /// one's ciphertext.
    pub fn newest_has(&self, fingerprint: impl Fn(&str) -> String) -> bool {
        let (Some(cipher), Some(known)) = (&self.newest, &self.fingerprint) else {
            return false;
        };
        known
            .as_bytes()
            .ct_eq(fingerprint(cipher).as_bytes())
            .into()
    }

    /// With a newer secret. The ones before it end after `overlap`, or when they were to end
    /// anyway, if that is sooner; without an overlap all of them at once.
    ///
    /// Of three older ones one ends at once. Where a header carries `several` signatures, it is the
    /// oldest: the receiver has had most time to learn another. Where it carries one, the oldest
    /// signs alone and is the one that the receiver knows, so it keeps the end that it was
    /// promised; the one after it goes, with which nothing was signed yet.
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

    /// The same, the older ones ending at this time at the latest.
    #[must_use]
    pub fn ending_by(&self, end: Time) -> Self {
        let mut sooner = self.clone();
        for secret in &mut sooner.previous {
            secret.ends_at = secret.ends_at.min(end);
        }
        sooner
    }

    /// Only the newest, from now on.
    #[must_use]
    pub fn without_previous(&self) -> Self {
        Self {
            newest: self.newest.clone(),
            fingerprint: self.fingerprint.clone(),
            previous: Vec::new(),
        }
    }

    /// The ciphertexts of those that sign at a time, newest first: all that have not ended where a
    /// header may carry `several` signatures, else the oldest of them.
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

    /// A, then B with an overlap of 3 s, and at once C with one of 30 s.
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
        // Until the new one's is kept, none is known; the old one's is not the new one's.
        assert!(!second.newest_has(of("a")) && !second.newest_has(of("b")));
        let second = second.with_fingerprint(of("b")("B"));
        assert!(second.newest_has(of("b")) && !second.newest_has(of("a")));
        assert!(second.without_previous().newest_has(of("b")));
        assert!(!SigningSecrets::default().newest_has(of("a")));
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
            // When each secret has to have ended by the words of its owner.
            let mut ends = vec![i64::MAX];
            for (number, (wait, overlap)) in rotations.iter().enumerate() {
                now += wait;
                let signer = signers(&secrets, now, false).concat();
                secrets = secrets.rotated((number + 1).to_string(), at(now), Duration::from_secs(*overlap), several);
                let end = now + i64::try_from(*overlap).unwrap();
                ends.iter_mut().for_each(|known| *known = end.min(*known));
                ends.push(i64::MAX);
                if !several {
                    // The one that the receiver knows signs to the end that it was promised.
                    let last = ends[signer.parse::<usize>().unwrap()] - 1;
                    for second in now..=last {
                        prop_assert_eq!(signers(&secrets, second, false), [signer.as_str()], "at {}", second);
                    }
                }
                for second in (0..=now + later).step_by(3) {
                    let one = signers(&secrets, second, false);
                    let all = signers(&secrets, second, true);
                    // For a contract with one signature exactly one signs, and it is one that the
                    // others have, too.
                    prop_assert_eq!(one.len(), 1);
                    prop_assert_eq!(all.last(), one.last());
                    prop_assert!((1..=1 + MAX_PREVIOUS_SECRETS).contains(&all.len()));
                    // The newest always may sign, and is the first.
                    prop_assert_eq!(all[0].parse::<usize>().unwrap(), number + 1);
                    prop_assert_eq!(secrets.previous_ends(at(second)).count(), all.len() - 1);
                    for signer in &all {
                        let number: usize = signer.parse().unwrap();
                        prop_assert!(second < ends[number], "{signer} signs at {second}, its end was {}", ends[number]);
                    }
                    // Of those whose owner gave them more time, only a third is cut off. With one
                    // signature it is not the one that ends first, and so what is left of them
                    // later may be fewer.
                    let in_time = ends.iter().filter(|end| second.max(now) < **end).count();
                    if several && second >= now || second == now {
                        prop_assert_eq!(all.len(), in_time.min(1 + MAX_PREVIOUS_SECRETS));
                    }
                }
            }
        }
    }
}
