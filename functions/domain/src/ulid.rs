//! ULIDs: 48 bits of time and 80 other bits, written so that their text sorts by time.
//!
//! Implemented here because the domain may read neither clock nor randomness, which the ULID crates
//! do by default, and because half of Postel's keys derive the 80 bits from a repeatable value (an
//! SQS message id), not from randomness.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::json_error::Told;
use crate::time::Time;

/// Crockford's base 32: no I, L, O, U.
pub(crate) const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// 26 characters of [`ALPHABET`], upper case. Later times sort later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ulid(u128);

impl Ulid {
    /// From a time and ten random bytes.
    #[must_use]
    pub fn new(time: Time, entropy: [u8; 10]) -> Self {
        let millis = u128::from(u64::try_from(time.millis()).unwrap_or(0) & 0xFFFF_FFFF_FFFF);
        let low = entropy
            .iter()
            .fold(0u128, |acc, byte| (acc << 8) | u128::from(*byte));
        Self((millis << 80) | low)
    }

    /// From a time and a repeatable text. The same input gives the same key, so a redelivered
    /// message finds its own entries.
    #[must_use]
    pub fn derived(time: Time, seed: &str) -> Self {
        let digest = Sha256::digest(seed.as_bytes());
        let mut entropy = [0u8; 10];
        entropy
            .iter_mut()
            .zip(digest.iter())
            .for_each(|(to, from)| *to = *from);
        Self::new(time, entropy)
    }

    /// A short text for any 128 bits. Its time has no meaning.
    #[must_use]
    pub fn of(bits: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bits))
    }

    /// The time in the key.
    #[must_use]
    pub fn time(self) -> Time {
        Time::from_millis(i64::try_from(self.0 >> 80).unwrap_or(i64::MAX))
    }

    /// The same key, but no older than a time.
    #[must_use]
    pub fn not_before(self, time: Time) -> Self {
        if self.time() >= time {
            return self;
        }
        let random = self.0 & ((1 << 80) - 1);
        Self(Self::floor(time).0 | random)
    }

    /// The lowest bits, to distribute keys evenly.
    #[must_use]
    pub fn low_bits(self) -> u8 {
        u8::try_from(self.0 & 0xFF).unwrap_or(0)
    }

    /// The smallest ULID of a time: every key created at or after it sorts after it.
    #[must_use]
    pub fn floor(time: Time) -> Self {
        Self::new(time, [0; 10])
    }
}

/// Writes `bits` bits of `value` as base 32, highest first.
pub(crate) fn base32(value: u128, characters: u32) -> String {
    (0..characters)
        .rev()
        .map(|i| {
            let digit = usize::try_from((value >> (5 * i)) & 31).unwrap_or(0);
            char::from(ALPHABET.get(digit).copied().unwrap_or(b'0'))
        })
        .collect()
}

impl fmt::Display for Ulid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base32(self.0, 26))
    }
}

impl fmt::Debug for Ulid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Ulid {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        // The first character holds three bits only: 8 and above would overflow.
        if text.len() != 26 || !matches!(text.as_bytes().first(), Some(b'0'..=b'7')) {
            return Err(());
        }
        text.bytes()
            .try_fold(0u128, |acc, byte| {
                let digit = ALPHABET.iter().position(|c| *c == byte)?;
                Some((acc << 5) | u128::try_from(digit).ok()?)
            })
            .map(Self)
            .ok_or(())
    }
}

impl Serialize for Ulid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ulid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|()| serde::de::Error::custom(Told::new("not a ULID")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn later_sorts_later_as_text() {
        let early = Ulid::new(Time::from_millis(1000), [255; 10]).to_string();
        let late = Ulid::new(Time::from_millis(1001), [0; 10]).to_string();
        assert!(early < late);
    }

    #[test]
    fn a_message_finds_itself() {
        let time = Time::from_millis(1_700_000_000_000);
        assert_eq!(Ulid::derived(time, "m-1"), Ulid::derived(time, "m-1"));
        assert_ne!(Ulid::derived(time, "m-1"), Ulid::derived(time, "m-2"));
    }

    #[test]
    fn one_that_is_too_old_is_moved_and_another_is_not() {
        let (early, late) = (Time::from_millis(1000), Time::from_millis(2000));
        let of = |time| Ulid::new(time, [7; 10]);
        assert_eq!(of(early).not_before(late), of(late));
        assert_eq!(of(late).not_before(early), of(late));
    }

    proptest! {
        #[test]
        fn text_and_back(millis in 0i64..0xFFFF_FFFF_FFFF, entropy: [u8; 10]) {
            let ulid = Ulid::new(Time::from_millis(millis), entropy);
            prop_assert_eq!(ulid.to_string().parse(), Ok(ulid));
            prop_assert_eq!(ulid.time().millis(), millis);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<Ulid>();
        }
    }
}
