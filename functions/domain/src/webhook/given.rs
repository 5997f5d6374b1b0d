//! A secret in a request: a value, or the mask that responses show in its place.
//!
//! `***` is never a value. In a request it means that the secret stays as it is, so that a caller
//! can send back what it has read. No request reads a [`Secret`]: only [`GivenSecret`] can be
//! deserialized, so the compiler asks for it wherever a request may name a secret.

use serde::{Deserialize, Deserializer};

use crate::contract::Secret;
use crate::masking::MASK;
use crate::rejection::{BodyPath, Code, Rejection};

/// A secret as a request gives it. Nobody can print it: a [`Secret`] cannot be printed.
#[derive(Clone)]
pub enum GivenSecret {
    /// The mask: the secret stays.
    Unchanged,
    /// A new value.
    New(Secret),
}

/// A secret that the webhook has sealed, or one that it gets and that is not sealed yet.
pub(super) enum Held<S> {
    /// The new value.
    New(Secret),
    /// What is sealed.
    Kept(S),
}

impl From<String> for GivenSecret {
    fn from(text: String) -> Self {
        match text.as_str() {
            MASK => Self::Unchanged,
            _ => Self::New(Secret::new(text)),
        }
    }
}

impl<'de> Deserialize<'de> for GivenSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl GivenSecret {
    /// What the webhook has from now on. `kept` is what it has under this name.
    ///
    /// # Errors
    /// `masked_value` if the mask is given where there is nothing to keep.
    pub(super) fn held<S>(self, kept: Option<S>, path: &BodyPath) -> Result<Held<S>, Rejection> {
        match (self, kept) {
            (Self::New(value), _) => Ok(Held::New(value)),
            (Self::Unchanged, Some(kept)) => Ok(Held::Kept(kept)),
            (Self::Unchanged, None) => Err(masked_value(path)),
        }
    }

    /// The new value, where a request can only set one.
    ///
    /// # Errors
    /// `masked_value` for the mask.
    pub(super) fn new_value(self, field: &str) -> Result<Secret, Rejection> {
        match self {
            Self::New(value) => Ok(value),
            Self::Unchanged => Err(masked_value(&field.into())),
        }
    }
}

/// Refuses a masked text where a whole value is needed: a URL that has its secret part masked.
///
/// # Errors
/// `masked_value`.
pub(super) fn check_unmasked(field: &str, text: &str) -> Result<(), Rejection> {
    match text.contains(MASK) {
        true => Err(masked_value(&field.into())),
        false => Ok(()),
    }
}

fn masked_value(path: &BodyPath) -> Rejection {
    let detail = format!(
        "`{MASK}` is what responses show in place of a secret. In a request it means that the secret stays, and there is none here: send the value itself. A URL with another scheme, host or port drops the secrets that the webhook had."
    );
    Rejection::new(Code::MaskedValue, detail).at(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(json: &str) -> GivenSecret {
        serde_json::from_str(json).unwrap()
    }

    fn told<T>(result: Result<T, Rejection>) -> Option<(Code, String)> {
        let refusal = result.err()?;
        Some((refusal.code, refusal.field.unwrap().into()))
    }

    #[test]
    fn the_mask_keeps_what_is_there_and_is_refused_where_nothing_is() {
        assert!(matches!(
            given(r#""***""#).held(Some(7), &"a".into()),
            Ok(Held::Kept(7))
        ));
        let refused = Some((Code::MaskedValue, "a".to_owned()));
        assert_eq!(
            told(given(r#""***""#).held(None::<u8>, &"a".into())),
            refused
        );
        assert_eq!(told(given(r#""\u002a**""#).new_value("a")), refused);
    }

    #[test]
    fn whatever_is_no_mask_is_a_value() {
        for text in ["", "**", "****", " ***", "*** ", "Bearer ***"] {
            let json = serde_json::to_string(text).unwrap();
            let value = given(&json).new_value("a").ok().unwrap();
            assert_eq!(value.expose(), text);
            let held = given(&json).held(Some(7), &"a".into()).ok().unwrap();
            assert!(matches!(held, Held::New(value) if value.expose() == text));
        }
    }

    #[test]
    fn a_text_with_a_mask_anywhere_is_not_whole() {
        assert_eq!(check_unmasked("url", "https://example.com/a**"), Ok(()));
        for masked in ["***", "https://example.com/***", "https://***/a"] {
            let refused = Some((Code::MaskedValue, "url".to_owned()));
            assert_eq!(told(check_unmasked("url", masked)), refused, "{masked}");
        }
    }
}
