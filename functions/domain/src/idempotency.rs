//! Creations that a caller may repeat after a lost response: with a header `Idempotency-Key`, or
//! with an id of the caller's own.
//!
//! The id of the new resource is derived from the key, and the write succeeds only if that id does
//! not exist. So two requests with one key meet in that write. The row stores a fingerprint of the
//! request, which distinguishes a repetition from a different request.

use std::str::FromStr;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::ids::TenantId;
use crate::rejection::{Code, Rejection};

/// The header with the key.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
const MAX_KEY_BYTES: usize = 255;

/// The caller's name for its request: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// The resources that can be created with a key. The same key for another kind is another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreationKind {
    /// A webhook.
    Webhook,
    /// An API key.
    Key,
    /// A redrive job.
    Redrive,
}

impl FromStr for IdempotencyKey {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        let is_visible = text.bytes().all(|b| b.is_ascii_graphic());
        if is_visible && (1..=MAX_KEY_BYTES).contains(&text.len()) {
            return Ok(Self(text.to_owned()));
        }
        let detail = format!(
            "Idempotency-Key has 1 to {MAX_KEY_BYTES} visible ASCII characters without spaces, as a UUID has."
        );
        Err(Rejection::new(Code::InvalidRequest, detail).parameter("Idempotency-Key"))
    }
}

impl IdempotencyKey {
    /// The bytes of the id in place of random ones: always the same for this tenant, kind and key.
    #[must_use]
    pub fn entropy(&self, tenant: &TenantId, kind: CreationKind) -> [u8; 16] {
        let kind = match kind {
            CreationKind::Webhook => "webhook",
            CreationKind::Key => "key",
            CreationKind::Redrive => "redrive",
        };
        // Neither a kind nor a tenant contains a slash, so the text is unique.
        let digest = Sha256::digest(format!("{kind}/{tenant}/{}", self.0));
        let mut entropy = [0; 16];
        for (to, from) in entropy.iter_mut().zip(digest) {
            *to = from;
        }
        entropy
    }
}

/// The request in a canonical form: the order of members and white space do not matter, and a null
/// member equals a missing one. `text` is JSON.
#[must_use]
pub fn canonical(text: &str) -> String {
    // A text that cannot be parsed, for instance with a number that is too large, is compared
    // unchanged.
    let Ok(mut value) = serde_json::from_str::<Value>(text) else {
        return text.to_owned();
    };
    if let Some(members) = value.as_object_mut() {
        members.retain(|_, member| !member.is_null());
    }
    value.sort_all_objects();
    value.to_string()
}

/// How a request identifies the new resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreationName {
    /// With an id of the caller's own.
    OwnId,
    /// With an idempotency key.
    Key,
}

impl CreationName {
    /// Whether the existing resource with this name was created by the same request. `kept` is the
    /// fingerprint of the request that created it, `asked` that of this request.
    ///
    /// # Errors
    /// `id_conflict` or `idempotency_key_reused` if it was a different request.
    pub fn check(self, kept: Option<&str>, asked: &str) -> Result<(), Rejection> {
        if kept == Some(asked) {
            return Ok(());
        }
        Err(match self {
            Self::OwnId => {
                let detail = "There is already one with this id, made by another request: choose another id, or change that one.";
                Rejection::new(Code::IdConflict, detail).field("id")
            }
            Self::Key => {
                let detail = "This Idempotency-Key was used for another request: repeat a request with the same body, and give another request a key of its own.";
                Rejection::new(Code::IdempotencyKeyReused, detail).field("Idempotency-Key")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::ids::{KeyId, WebhookId};

    fn key(text: &str) -> IdempotencyKey {
        text.parse().unwrap()
    }

    #[test]
    fn a_key_has_1_to_255_visible_characters() {
        for right in ["5f0c", "\"quoted\"", &"x".repeat(255)] {
            assert!(right.parse::<IdempotencyKey>().is_ok(), "{right}");
        }
        for wrong in ["", "a b", "\u{e4}", "a\t", &"x".repeat(256)] {
            let refusal = wrong.parse::<IdempotencyKey>().unwrap_err();
            assert_eq!(refusal.code, Code::InvalidRequest, "{wrong}");
            assert_eq!(refusal.field.as_deref(), Some("Idempotency-Key"));
        }
    }

    #[test]
    fn tenant_kind_and_key_each_make_another_id_and_the_same_ones_the_same() {
        let kinds = [
            CreationKind::Webhook,
            CreationKind::Key,
            CreationKind::Redrive,
        ];
        let mut made = BTreeSet::new();
        for tenant in ["a", "b"] {
            let tenant = tenant.parse().unwrap();
            for kind in kinds {
                for text in ["1", "2", "1/2"] {
                    let entropy = key(text).entropy(&tenant, kind);
                    assert_eq!(entropy, key(text).entropy(&tenant, kind));
                    let ids = (KeyId::new(entropy), WebhookId::new(entropy));
                    assert!(made.insert(ids), "{tenant} {kind:?} {text}");
                }
            }
        }
    }

    #[test]
    fn order_space_and_null_make_no_other_request_and_everything_else_does() {
        let one = canonical(r#"{"url":"u","events":["a","b"],"headers":{"a":"1","b":"2"}}"#);
        let same = [
            r#"{ "events": ["a", "b"], "headers": {"b": "2", "a": "1"}, "url": "u" }"#,
            r#"{"url":"\u0075","events":["a","b"],"headers":{"a":"1","b":"2"},"name":null}"#,
        ];
        for same in same {
            assert_eq!(canonical(same), one, "{same}");
        }
        let other = [
            r#"{"url":"u","events":["b","a"],"headers":{"a":"1","b":"2"}}"#,
            r#"{"url":"u","events":["a","b"],"headers":{"a":"1","b":null}}"#,
            r#"{"url":"u","events":["a","b"],"headers":{"a":"1","b":"2"},"active":false}"#,
            r#"{"url":"u","events":["a","b"]}"#,
        ];
        for other in other {
            assert_ne!(canonical(other), one, "{other}");
        }
        let too_large = r#"{"context":{"a":1e999}}"#;
        assert_eq!(canonical(too_large), too_large);
    }

    #[test]
    fn another_request_is_refused_by_what_it_is_named_with() {
        for (name, code, field) in [
            (CreationName::OwnId, Code::IdConflict, "id"),
            (
                CreationName::Key,
                Code::IdempotencyKeyReused,
                "Idempotency-Key",
            ),
        ] {
            assert_eq!(name.check(Some("x"), "x"), Ok(()));
            for kept in [None, Some("y"), Some("")] {
                let refusal = name.check(kept, "x").unwrap_err();
                assert_eq!(
                    (refusal.code, refusal.field.as_deref()),
                    (code, Some(field))
                );
            }
        }
    }

    proptest! {
        #[test]
        fn one_spelling_is_its_own(text in "\\PC{0,40}") {
            let one = canonical(&text);
            prop_assert_eq!(canonical(&one), one);
        }
    }
}
