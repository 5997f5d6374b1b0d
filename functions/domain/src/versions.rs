//! The entity tags of what can be changed: each is made of what the write of its row compares.

use sha2::{Digest, Sha256};

use crate::contract::{Contract, builtin};
use crate::precondition::{EntityTag, version};
use crate::tenant::{Tenant, Webhook};
use crate::time::Time;

impl Tenant {
    /// Its version: each change has a later time.
    #[must_use]
    pub fn tag(&self) -> EntityTag {
        EntityTag::new(format!("{:x}", self.updated_at.millis()))
    }

    /// When the tenant of a tag was last changed. None for what is no tag of a tenant.
    #[must_use]
    pub fn version_of(tag: &str) -> Option<Time> {
        let millis = i64::from_str_radix(tag, 16).ok()?;
        Some(Time::from_millis(millis))
    }
}

impl Webhook {
    /// Its version: each change of its owner has a later time, and a dispatcher may switch it off
    /// in the same millisecond.
    #[must_use]
    pub fn tag(&self) -> EntityTag {
        let state = if self.active { "on" } else { "off" };
        EntityTag::new(format!("{:x}-{state}", self.updated_at.millis()))
    }

    /// The tag of what a reader sees: its version, and since when it fails or is slow, which no
    /// change of its owner says.
    #[must_use]
    pub fn shown_tag(&self) -> EntityTag {
        let marks = [self.failing_since, self.slow_since];
        if marks == [None, None] {
            return self.tag();
        }
        let [failing, slow] = marks.map(|since| since.map_or(0, Time::millis));
        EntityTag::new(format!("{}_{failing:x}-{slow:x}", self.tag().as_str()))
    }

    /// When the webhook of a tag was last changed, and whether it was on. None for what is no tag
    /// of a webhook.
    #[must_use]
    pub fn version_of(tag: &str) -> Option<(Time, bool)> {
        let (millis, state) = version(tag).split_once('-')?;
        let active = match state {
            "on" => true,
            "off" => false,
            _ => return None,
        };
        Some((Tenant::version_of(millis)?, active))
    }
}

impl Contract {
    /// Its version. One that is built in changes with Postel's own.
    #[must_use]
    pub fn tag(&self) -> EntityTag {
        match builtin(&self.name) {
            Some(_) => EntityTag::new(concat!("builtin-", env!("CARGO_PKG_VERSION")).to_owned()),
            None => tag_of_number(self.version),
        }
    }
}

/// The tag of what counts its changes.
#[must_use]
pub fn tag_of_number(version: u32) -> EntityTag {
    EntityTag::new(version.to_string())
}

/// The tag of what has no number and no time: a hash of all that it says, the first 16 bytes.
#[must_use]
pub fn tag_of_content<'a>(parts: impl IntoIterator<Item = Option<&'a str>>) -> EntityTag {
    let mut hash = Sha256::new();
    for part in parts {
        // The length first, and none apart from empty: no two contents are hashed alike.
        let length = part.map_or(0, |text| text.len() + 1);
        hash.update(length.to_be_bytes());
        hash.update(part.unwrap_or_default());
    }
    EntityTag::new(hex::encode(hash.finalize().get(..16).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::testing::{at, contract, tenant, webhook};

    #[test]
    fn a_tag_says_which_version_it_is_of() {
        let tenant = tenant();
        assert_eq!(
            Tenant::version_of(tenant.tag().as_str()),
            Some(tenant.updated_at)
        );
        for active in [true, false] {
            let webhook = Webhook {
                active,
                updated_at: at(1_800_000_000),
                ..webhook()
            };
            let version = Some((webhook.updated_at, active));
            assert_eq!(Webhook::version_of(webhook.tag().as_str()), version);
        }
        for strange in ["", "x", "1", "1-", "1-maybe", "-on"] {
            assert_eq!(Webhook::version_of(strange), None, "{strange}");
        }
        assert_eq!(Tenant::version_of("1-on"), None);
    }

    #[test]
    fn a_mark_makes_another_tag_of_the_same_version() {
        let marked = |failing_since, slow_since| Webhook {
            failing_since,
            slow_since,
            ..webhook()
        };
        let all = [(None, None), (Some(at(1)), None), (None, Some(at(1)))];
        let tags = all.map(|(failing, slow)| marked(failing, slow).shown_tag());
        assert_eq!(tags[0], webhook().tag());
        assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2]);
        for tag in &tags {
            let version = Some((webhook().updated_at, true));
            assert_eq!(Webhook::version_of(tag.as_str()), version);
        }
    }

    #[test]
    fn a_webhook_that_was_switched_off_at_the_same_time_has_another_tag() {
        let off = Webhook {
            active: false,
            ..webhook()
        };
        assert_ne!(off.tag(), webhook().tag());
    }

    #[test]
    fn a_contract_of_the_operators_is_tagged_by_its_version() {
        let own = |version| Contract {
            name: "own".to_owned(),
            version,
            ..contract()
        };
        assert_ne!(own(1).tag(), own(2).tag());
        assert!(contract().tag().as_str().starts_with("builtin-"));
    }

    #[test]
    fn contents_that_differ_have_different_tags() {
        let contents = [
            vec![Some("ab"), Some("c")],
            vec![Some("a"), Some("bc")],
            vec![Some("abc"), None],
            vec![None, Some("abc")],
            vec![Some(""), Some("abc")],
        ];
        let tags: std::collections::HashSet<_> = contents
            .iter()
            .map(|parts| tag_of_content(parts.iter().copied()).as_str().to_owned())
            .collect();
        assert_eq!(tags.len(), contents.len());
    }
}
