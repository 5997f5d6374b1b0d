//! Where a list goes on: opaque to callers, and authenticated, so that nobody can make one that
//! reads elsewhere.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use domain::contract::Secret;
use domain::rejection::{Code, Rejection};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// Bytes of the tag; 128 bits are beyond guessing.
const TAG: usize = 16;

/// Seals and opens cursors.
pub struct Cursors {
    key: Secret,
}

impl Cursors {
    /// With a key of the stack's own.
    #[must_use]
    pub const fn new(key: Secret) -> Self {
        Self { key }
    }

    /// Seals a place for one list of one owner; `list` names both and the filter, so that a cursor
    /// serves the list it came from only.
    #[must_use]
    pub fn seal(&self, list: &str, place: &str) -> String {
        let mut bytes = self.tag(list, place);
        bytes.extend_from_slice(place.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Opens a cursor of the same list.
    ///
    /// # Errors
    /// If it is not one.
    pub fn open(&self, list: &str, cursor: &str) -> Result<String, Rejection> {
        let wrong = || {
            Rejection::new(
                Code::InvalidCursor,
                "This cursor does not belong to this list: start again without one.",
            )
            .field("cursor")
        };
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
        let (tag, place) = bytes.split_at_checked(TAG).ok_or_else(wrong)?;
        let place = std::str::from_utf8(place).map_err(|_| wrong())?;
        if bool::from(self.tag(list, place).ct_eq(tag)) {
            Ok(place.to_owned())
        } else {
            Err(wrong())
        }
    }

    fn tag(&self, list: &str, place: &str) -> Vec<u8> {
        // HMAC takes keys of any length: there is no error to handle, and an empty tag would match
        // nothing.
        let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(self.key.expose().as_bytes())
        else {
            return Vec::new();
        };
        mac.update(&list.len().to_be_bytes());
        mac.update(list.as_bytes());
        mac.update(place.as_bytes());
        mac.finalize()
            .into_bytes()
            .get(..TAG)
            .unwrap_or_default()
            .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cursors() -> Cursors {
        Cursors::new(Secret::new("k".repeat(64)))
    }

    #[test]
    fn a_cursor_opens_its_own_list_only() {
        let sealed = cursors().seal("deliveries/a", "place");
        assert_eq!(cursors().open("deliveries/a", &sealed).unwrap(), "place");
        assert!(cursors().open("deliveries/b", &sealed).is_err());
        assert!(
            Cursors::new(Secret::new("other".into()))
                .open("deliveries/a", &sealed)
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn a_forged_cursor_is_refused(text in "[A-Za-z0-9_-]{0,80}") {
            prop_assert!(cursors().open("deliveries/a", &text).is_err());
        }
    }
}
