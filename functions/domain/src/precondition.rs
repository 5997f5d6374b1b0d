//! Conditional requests (RFC 9110, section 13): which version of a resource a caller has seen.
//!
//! A tag is made of what the conditional write of the row compares anyway, so a condition of the
//! caller costs no further request.

use crate::rejection::{Code, Rejection};

/// The most tags of one header that are read. A further one never matches.
const MAX_TAGS: usize = 8;

/// A version of a resource, as a strong entity tag: one that two versions never share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityTag(String);

impl EntityTag {
    /// A tag of letters, digits, full stops, hyphens and underscores.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The tag without its quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag as a header has it.
    #[must_use]
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

/// One condition of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The resource exists: `If-Match: *`.
    Existing,
    /// It is one of these versions: `If-Match`.
    OneOf(Vec<String>),
    /// It does not exist: `If-None-Match: *`.
    Absent,
    /// It is none of these versions: `If-None-Match`.
    NoneOf(Vec<String>),
}

/// The conditions of a request; all must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition(Vec<Expected>);

impl Precondition {
    /// Reads both headers. A weak tag never matches in `If-Match` (RFC 9110, 13.1.1), and neither
    /// does a text that is no tag.
    #[must_use]
    pub fn read(if_match: Option<&str>, if_none_match: Option<&str>) -> Self {
        let if_match = if_match.map(|text| match text.trim() {
            "*" => Expected::Existing,
            text => Expected::OneOf(tags(text, |tag| Some(tag))),
        });
        let if_none_match = if_none_match.map(|text| match text.trim() {
            "*" => Expected::Absent,
            text => Expected::NoneOf(tags(text, weakly)),
        });
        Self(if_match.into_iter().chain(if_none_match).collect())
    }

    /// The conditions one by one.
    #[must_use]
    pub fn expected(&self) -> &[Expected] {
        &self.0
    }

    /// Whether the caller has no condition.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a write may be done on this version; none if the resource does not exist.
    ///
    /// # Errors
    /// `precondition_failed`.
    pub fn check(&self, current: Option<&EntityTag>) -> Result<(), Rejection> {
        let has = |tags: &[String]| {
            let is_current =
                |current: &EntityTag, tag: &String| version(tag) == version(&current.0);
            current.is_some_and(|current| tags.iter().any(|tag| is_current(current, tag)))
        };
        let holds = |expected: &Expected| match expected {
            Expected::Existing => current.is_some(),
            Expected::OneOf(tags) => has(tags),
            Expected::Absent => current.is_none(),
            Expected::NoneOf(tags) => !has(tags),
        };
        match self.0.iter().all(holds) {
            true => Ok(()),
            false => Err(Self::failed()),
        }
    }

    /// Whether a reader has this version already.
    #[must_use]
    pub fn is_known(&self, current: &EntityTag) -> bool {
        self.0.iter().any(|expected| match expected {
            Expected::Absent => true,
            Expected::NoneOf(tags) => tags.contains(&current.0),
            Expected::Existing | Expected::OneOf(_) => false,
        })
    }

    /// The answer where a condition does not hold.
    #[must_use]
    pub fn failed() -> Rejection {
        let detail = "The resource is not the version that the request expects, and nothing was changed: read it again, and send the request with its new ETag.";
        Rejection::new(Code::PreconditionFailed, detail)
    }
}

/// The part of a tag that a write compares. What follows an underscore says what others than the
/// owner have noted of the resource: a reader wants to know of it, and a writer need not.
pub(crate) fn version(tag: &str) -> &str {
    tag.split('_').next().unwrap_or_default()
}

fn tags(text: &str, strip: impl Fn(&str) -> Option<&str>) -> Vec<String> {
    let opaque = |tag: &str| {
        let inside = strip(tag.trim())?.strip_prefix('"')?.strip_suffix('"')?;
        Some(inside.to_owned())
    };
    text.split(',').take(MAX_TAGS).filter_map(opaque).collect()
}

/// `If-None-Match` compares weakly (RFC 9110, 13.1.2).
fn weakly(tag: &str) -> Option<&str> {
    Some(tag.strip_prefix("W/").unwrap_or(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> EntityTag {
        EntityTag::new(text.to_owned())
    }

    fn holds(precondition: &Precondition, current: Option<&str>) -> bool {
        match precondition.check(current.map(tag).as_ref()) {
            Ok(()) => true,
            Err(refusal) => {
                assert_eq!(refusal.code, Code::PreconditionFailed);
                false
            }
        }
    }

    #[test]
    fn without_a_condition_every_write_may_be_done() {
        let none = Precondition::read(None, None);
        assert!(none.is_empty() && holds(&none, None) && holds(&none, Some("a")));
    }

    #[test]
    fn if_match_holds_for_the_versions_that_it_names() {
        for (header, known) in [
            (r#""a""#, true),
            (r#" "x" , "a""#, true),
            (r#""x""#, false),
            (r#"W/"a""#, false),
            ("a", false),
            ("", false),
            (r#"*, "a""#, true),
        ] {
            let condition = Precondition::read(Some(header), None);
            assert_eq!(holds(&condition, Some("a")), known, "{header}");
            assert!(!holds(&condition, None), "{header}");
        }
        let any = Precondition::read(Some(" * "), None);
        assert!(holds(&any, Some("a")) && !holds(&any, None));
    }

    #[test]
    fn what_others_noted_stops_no_writer_and_is_news_to_a_reader() {
        for header in [r#""a_1""#, r#""a_2""#, r#""a""#] {
            let condition = Precondition::read(Some(header), None);
            assert!(holds(&condition, Some("a_1")) && holds(&condition, Some("a")));
            assert!(!holds(&condition, Some("b_1")), "{header}");
        }
        let seen = Precondition::read(None, Some(r#""a_1""#));
        assert!(seen.is_known(&tag("a_1")));
        assert!(!seen.is_known(&tag("a_2")) && !seen.is_known(&tag("a")));
    }

    #[test]
    fn if_none_match_lets_create_and_never_replace() {
        let create = Precondition::read(None, Some("*"));
        assert!(holds(&create, None) && !holds(&create, Some("a")));
        let changed = Precondition::read(None, Some(r#"W/"a", "b""#));
        assert!(holds(&changed, None) && holds(&changed, Some("c")));
        assert!(!holds(&changed, Some("a")) && !holds(&changed, Some("b")));
    }

    #[test]
    fn both_conditions_must_hold() {
        let both = Precondition::read(Some(r#""a", "b""#), Some(r#""b""#));
        assert!(holds(&both, Some("a")) && !holds(&both, Some("b")));
    }

    #[test]
    fn a_reader_has_what_it_names_weakly_or_strongly() {
        let known = |header| Precondition::read(None, Some(header)).is_known(&tag("a"));
        assert!(known(r#""a""#) && known(r#"W/"a""#) && known(r#""x", "a""#) && known("*"));
        assert!(!known(r#""x""#) && !known("a"));
        assert!(!Precondition::read(Some(r#""a""#), None).is_known(&tag("a")));
    }

    #[test]
    fn a_tag_beyond_those_that_are_read_never_matches() {
        let many = format!(r#"{}"a""#, r#""x","#.repeat(MAX_TAGS));
        assert!(!holds(&Precondition::read(Some(&many), None), Some("a")));
    }

    #[test]
    fn a_tag_is_quoted_in_a_header() {
        assert_eq!(tag("1-a").quoted(), r#""1-a""#);
    }
}
