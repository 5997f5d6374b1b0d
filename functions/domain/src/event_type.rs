//! Event types, and the filters with which a webhook selects them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::json_error::Told;
use crate::names::check_description;
use crate::rejection::{Code, Rejection, judge};

fn is_type(text: &str) -> bool {
    (1..=256).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

const NO_TYPE: Told = Told::new(
    "An event type has 1 to 256 letters, digits, full stops, underscores or hyphens, as in item.created.",
);

/// The type of an event: `^[A-Za-z0-9_.-]{1,256}$`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventType(String);

impl EventType {
    /// The type that a path names.
    ///
    /// # Errors
    /// `invalid_event_type`.
    pub fn from_path(text: &str) -> Result<Self, Rejection> {
        let parsed: Result<Self, Rejection> = text.parse();
        parsed.map_err(|rejection| rejection.parameter("type"))
    }

    /// The type as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EventType {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        if is_type(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(Rejection::new(Code::InvalidEventType, NO_TYPE.words()).field("type"))
    }
}

impl TryFrom<String> for EventType {
    type Error = Told;

    fn try_from(text: String) -> Result<Self, Told> {
        text.parse().map_err(|_: Rejection| NO_TYPE)
    }
}

impl From<EventType> for String {
    fn from(event_type: EventType) -> Self {
        event_type.0
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks the catalogue's texts for a type: its name, its description and its group.
///
/// # Errors
/// The first text that breaks a rule.
pub fn check_catalogue_texts(
    name: Option<&str>,
    description: Option<&str>,
    group: Option<&str>,
) -> Result<(), Rejection> {
    let texts = [
        ("name", name),
        ("description", description),
        ("group", group),
    ];
    judge(texts.map(|(field, text)| check_description(field, text.unwrap_or_default())))
}

/// Which types a webhook selects: one type, a whole component (`item.*`), or everything (`*`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EventFilter {
    /// Every event.
    All,
    /// Every event whose type starts with this component and a full stop.
    Component(String),
    /// Only this type.
    Exactly(EventType),
}

impl EventFilter {
    /// Whether the filter selects this type. Case counts.
    #[must_use]
    pub fn matches(&self, event_type: &EventType) -> bool {
        match self {
            Self::All => true,
            Self::Component(component) => event_type
                .0
                .strip_prefix(component.as_str())
                .is_some_and(|rest| rest.starts_with('.')),
            Self::Exactly(wanted) => wanted == event_type,
        }
    }
}

impl TryFrom<String> for EventFilter {
    type Error = Told;

    fn try_from(text: String) -> Result<Self, Told> {
        if text == "*" {
            return Ok(Self::All);
        }
        match text.strip_suffix(".*") {
            Some(component) if is_type(component) => Ok(Self::Component(component.to_owned())),
            None if is_type(&text) => Ok(Self::Exactly(EventType(text))),
            _ => Err(Told::new(
                "An event filter is a type (item.created), a component (item.*) or *.",
            )),
        }
    }
}

impl From<EventFilter> for String {
    fn from(filter: EventFilter) -> Self {
        match filter {
            EventFilter::All => "*".to_owned(),
            EventFilter::Component(component) => format!("{component}.*"),
            EventFilter::Exactly(event_type) => event_type.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(filter: &str, event_type: &str) -> bool {
        EventFilter::try_from(filter.to_owned())
            .unwrap()
            .matches(&event_type.parse().unwrap())
    }

    #[test]
    fn each_text_of_the_catalogue_is_checked_and_may_have_lines() {
        assert_eq!(check_catalogue_texts(None, None, None), Ok(()));
        let lines = Some("one\ntwo");
        assert_eq!(check_catalogue_texts(lines, lines, lines), Ok(()));
        for wrong in ["\u{1b}", &"x".repeat(1025)] {
            let wrong = Some(wrong);
            for (refused, field) in [
                (check_catalogue_texts(wrong, None, None), "name"),
                (check_catalogue_texts(None, wrong, None), "description"),
                (check_catalogue_texts(None, None, wrong), "group"),
            ] {
                assert_eq!(refused.unwrap_err().field.as_deref(), Some(field));
            }
        }
    }

    #[test]
    fn a_component_is_matched_whole() {
        assert!(matches("item.*", "item.created"));
        assert!(matches("cv.*", "cv.job.completed"));
        assert!(matches("cv.job.*", "cv.job.completed"));
        assert!(!matches("item.*", "items.created"));
        assert!(!matches("item.*", "item"));
    }

    #[test]
    fn a_type_matches_itself_and_a_star_everything() {
        assert!(matches("item.created", "item.created"));
        assert!(!matches("item.created", "item.created.twice"));
        assert!(!matches("item.created", "Item.created"));
        assert!(matches("*", "anything"));
    }

    #[test]
    fn stars_stand_alone_or_at_the_end_only() {
        for wrong in ["", ".*", "**", "item.*.x", "it*", "item created", "a/b"] {
            assert!(EventFilter::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
