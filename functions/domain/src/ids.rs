//! Identifiers, each its own type, so that a tenant can never be passed where a webhook is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::json_error::Told;
use crate::ulid::{ALPHABET, Ulid, base32};

/// The length of a generated webhook id without `wh_`.
const WEBHOOK_CHARACTERS: u32 = 20;

/// The text is not a valid identifier of the requested kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid identifier")]
pub struct InvalidId;

const NO_ID: Told = Told::new("not a valid identifier");

/// Letters, digits, `_` and `-`, 1 to 64 of them. No full stop: two messages could then have the
/// same signed text ("{id}.{timestamp}.{body}").
fn is_plain(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.to_owned())) } else { Err(InvalidId) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = Told;

            fn try_from(text: String) -> Result<Self, Told> {
                text.parse().map_err(|_: InvalidId| NO_ID)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// One customer of the operator, with an id chosen by the operator: `[A-Za-z0-9_-]{1,64}`.
    TenantId,
    is_plain
);
text_id!(
    /// An event, with an id chosen by the caller or generated: `[A-Za-z0-9_-]{1,64}`. Sent as
    /// `webhook-id`.
    EventId,
    is_plain
);
text_id!(
    /// One subscription of a tenant: `wh_` and 20 characters, or an id chosen by its creator:
    /// `[A-Za-z0-9_-]{1,64}`. Another tenant may have a webhook with the same id.
    WebhookId,
    is_plain
);
text_id!(
    /// An API key's public part, 12 characters.
    KeyId,
    |text| text.len() == 12 && is_plain(text)
);

impl WebhookId {
    /// A new id with 100 random bits.
    #[must_use]
    pub fn new(entropy: [u8; 16]) -> Self {
        Self(format!(
            "wh_{}",
            base32(u128::from_be_bytes(entropy), WEBHOOK_CHARACTERS).to_lowercase()
        ))
    }

    /// The part after `wh_` in an id that has the form of [`WebhookId::new`].
    fn generated_part(&self) -> Option<&str> {
        let rest = self.0.strip_prefix("wh_")?;
        let is_generated = |b: u8| ALPHABET.contains(&b.to_ascii_uppercase());
        let has_form = rest.len() == WEBHOOK_CHARACTERS as usize
            && rest
                .bytes()
                .all(|b| !b.is_ascii_uppercase() && is_generated(b));
        has_form.then_some(rest)
    }
}

impl KeyId {
    /// A new id with 60 random bits.
    #[must_use]
    pub fn new(entropy: [u8; 16]) -> Self {
        Self(base32(u128::from_be_bytes(entropy), 12).to_lowercase())
    }
}

impl EventId {
    /// The generated id of an event whose caller gave none.
    #[must_use]
    pub fn generated(key: Ulid) -> Self {
        Self(format!("evt_{key}"))
    }

    /// The id of an operational event: one of those that follow from a record of a stream. The same
    /// record gives the same ids.
    #[must_use]
    pub fn operational(record: &str, number: usize) -> Self {
        let hash = Sha256::digest(record.as_bytes());
        let hash = hex::encode(hash.get(..16).unwrap_or_default());
        Self(format!("op_{hash}_{number}"))
    }

    /// The log key, if the id has the form of [`EventId::generated`].
    #[must_use]
    pub fn key(&self) -> Option<Ulid> {
        self.0.strip_prefix("evt_")?.parse().ok()
    }
}

/// The delivery of one event to one webhook. Its text contains both, so no index is needed to find
/// it: `dlv_<event key><20 characters>` for a generated webhook id, and `dlv_<event key>.<webhook
/// id>` for any other. No two deliveries of a tenant have the same text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId {
    /// The event's log key.
    pub event: Ulid,
    /// The webhook.
    pub webhook: WebhookId,
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.webhook.generated_part() {
            Some(generated) => write!(f, "dlv_{}{generated}", self.event),
            None => write!(f, "dlv_{}.{}", self.event, self.webhook),
        }
    }
}

impl FromStr for DeliveryId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let rest = text.strip_prefix("dlv_").ok_or(InvalidId)?;
        let (event, webhook) = rest.split_at_checked(26).ok_or(InvalidId)?;
        let (webhook, is_own): (WebhookId, _) = match webhook.strip_prefix('.') {
            Some(own) => (own.parse()?, true),
            None => (format!("wh_{webhook}").parse()?, false),
        };
        if is_own == webhook.generated_part().is_some() {
            return Err(InvalidId);
        }
        Ok(Self {
            event: event.parse().map_err(|()| InvalidId)?,
            webhook,
        })
    }
}

impl Serialize for DeliveryId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeliveryId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(|_: InvalidId| serde::de::Error::custom(NO_ID))
    }
}

/// A dead letter, `dl_` and a ULID: sorts by the time of the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeadLetterId(pub Ulid);

impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dl_{}", self.0)
    }
}

impl FromStr for DeadLetterId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.strip_prefix("dl_")
            .and_then(|rest| rest.parse().ok())
            .map(Self)
            .ok_or(InvalidId)
    }
}

/// A redrive job, `rd_` and a ULID: sorts by the time of its creation. It is also accepted without
/// the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RedriveId(pub Ulid);

impl fmt::Display for RedriveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rd_{}", self.0)
    }
}

impl FromStr for RedriveId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let rest = text.strip_prefix("rd_").unwrap_or(text);
        rest.parse().map(Self).map_err(|()| InvalidId)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::Time;

    #[test]
    fn an_event_id_holds_no_full_stop() {
        assert!("a.b".parse::<EventId>().is_err());
        assert!("".parse::<EventId>().is_err());
        assert!("x".repeat(65).parse::<EventId>().is_err());
        assert!("order-1_a".parse::<EventId>().is_ok());
    }

    #[test]
    fn a_delivery_id_names_its_event_and_webhook() {
        let id = DeliveryId {
            event: Ulid::derived(Time::from_millis(1), "x"),
            webhook: WebhookId::new([7; 16]),
        };
        assert_eq!(id.to_string().len(), 50);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn a_redrive_is_read_with_its_prefix_and_without() {
        let id = RedriveId(Ulid::derived(Time::from_millis(1), "x"));
        let text = id.to_string();
        assert!(text.starts_with("rd_"));
        assert_eq!((text.parse(), text[3..].parse()), (Ok(id), Ok(id)));
        assert_eq!(format!("dl_{}", id.0).parse::<RedriveId>(), Err(InvalidId));
    }

    #[test]
    fn a_delivery_has_one_text() {
        let key = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        let of = |rest: &str| format!("dlv_{key}{rest}").parse::<DeliveryId>();
        let generated = "0123456789abcdefghjk";
        assert!(of(generated).is_ok());
        assert!(of(&format!(".{generated}")).is_ok(), "an id of its own");
        for wrong in [
            format!(".wh_{generated}"),
            generated.to_uppercase(),
            format!("{generated}0"),
            String::new(),
            ".".to_owned(),
            ".a.b".to_owned(),
            format!(".{}", "a".repeat(65)),
        ] {
            assert_eq!(of(&wrong), Err(InvalidId), "{wrong}");
        }
    }

    /// Ids as callers choose them, including ids in the form of generated ones.
    fn webhook_ids() -> impl Strategy<Value = String> {
        prop_oneof![
            "[A-Za-z0-9_-]{1,64}",
            "wh_[0-9a-z]{19,21}",
            "(wh_)?[0-9A-HJKMNP-TV-Z]{20}",
            any::<[u8; 16]>().prop_map(|entropy| WebhookId::new(entropy).to_string()),
        ]
    }

    proptest! {
        #[test]
        fn deliveries_have_texts_of_their_own(
            one in webhook_ids(), other in webhook_ids(), event: [u8; 10], later: [u8; 10],
        ) {
            let id = |webhook: &str, entropy| DeliveryId {
                event: Ulid::new(Time::from_millis(1), entropy),
                webhook: webhook.parse().unwrap(),
            };
            let first = id(&one, event);
            let text = first.to_string();
            prop_assert!(text.len() <= 95 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)));
            prop_assert_eq!(text.parse::<DeliveryId>(), Ok(first.clone()));
            for second in [id(&other, event), id(&one, later)] {
                prop_assert_eq!(first == second, text == second.to_string());
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = text.parse::<DeliveryId>();
            let _ = format!("dlv_{text}").parse::<DeliveryId>();
            let _ = text.parse::<WebhookId>();
            let _ = text.parse::<DeadLetterId>();
            let _ = text.parse::<RedriveId>();
        }
    }
}
