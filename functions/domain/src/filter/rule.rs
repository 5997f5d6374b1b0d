//! What one value of a pattern accepts.

use std::net::IpAddr;

use ipnet::IpNet;

use super::decimal::Decimal;
use super::json::Node;

/// One entry of a field's list.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    Null,
    Bool(bool),
    Number(Decimal),
    Text(TextRule),
    Numeric(Range),
    /// None of these.
    AnythingBut(Vec<Rule>),
    Cidr(IpNet),
    Exists(bool),
}

/// A rule for strings.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TextRule {
    Equals(String),
    Prefix(String),
    Suffix(String),
    /// These three are [`fold`]ed.
    EqualsIgnoreCase(String),
    PrefixIgnoreCase(String),
    SuffixIgnoreCase(String),
    Wildcard(Wildcard),
}

/// A range of numbers; each end with whether it belongs to the range.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Range {
    pub(super) lower: Option<(Decimal, bool)>,
    pub(super) upper: Option<(Decimal, bool)>,
}

/// The texts between the asterisks of a wildcard pattern, one at least.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wildcard(pub(super) Vec<String>);

/// A text without the difference of upper and lower case, character by character.
pub(super) fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

impl Rule {
    /// Whether it accepts a scalar.
    pub(super) fn accepts(&self, scalar: &Node<'_>) -> bool {
        match (self, scalar) {
            (Self::Null, Node::Null) => true,
            (Self::Bool(wanted), Node::Bool(is)) => wanted == is,
            (Self::Number(wanted), Node::Number(text)) => *wanted == Decimal::parse(text),
            (Self::Numeric(range), Node::Number(text)) => range.contains(&Decimal::parse(text)),
            (Self::Text(rule), Node::Text(text)) => rule.accepts(text),
            (Self::Cidr(net), Node::Text(text)) => {
                let address = text.parse::<IpAddr>();
                address.is_ok_and(|address| net.contains(&address))
            }
            (Self::AnythingBut(rules), scalar) => !rules.iter().any(|rule| rule.accepts(scalar)),
            (Self::Exists(wanted), _) => *wanted,
            _ => false,
        }
    }

    /// How many values it compares a scalar with.
    pub(super) fn comparisons(&self) -> usize {
        match self {
            Self::AnythingBut(rules) => rules.len(),
            _ => 1,
        }
    }
}

impl TextRule {
    fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Equals(wanted) => wanted == text,
            Self::Prefix(wanted) => text.starts_with(wanted.as_str()),
            Self::Suffix(wanted) => text.ends_with(wanted.as_str()),
            Self::EqualsIgnoreCase(wanted) => {
                text.chars().flat_map(char::to_lowercase).eq(wanted.chars())
            }
            Self::PrefixIgnoreCase(wanted) => {
                let mut folded = text.chars().flat_map(char::to_lowercase);
                wanted.chars().all(|wanted| folded.next() == Some(wanted))
            }
            Self::SuffixIgnoreCase(wanted) => {
                let backwards = text.chars().rev();
                let mut folded = backwards.flat_map(|c| c.to_lowercase().rev());
                let mut wanted = wanted.chars().rev();
                wanted.all(|wanted| folded.next() == Some(wanted))
            }
            Self::Wildcard(wildcard) => wildcard.accepts(text),
        }
    }
}

impl Range {
    fn contains(&self, number: &Decimal) -> bool {
        let is_above = |(end, is_in): &(Decimal, bool)| number > end || (*is_in && number == end);
        let is_below = |(end, is_in): &(Decimal, bool)| number < end || (*is_in && number == end);
        self.lower.as_ref().is_none_or(is_above) && self.upper.as_ref().is_none_or(is_below)
    }

    /// Whether no number can be in it.
    pub(super) fn is_empty(&self) -> bool {
        match (&self.lower, &self.upper) {
            (Some((lower, with_lower)), Some((upper, with_upper))) => {
                lower > upper || (lower == upper && !(*with_lower && *with_upper))
            }
            _ => false,
        }
    }
}

impl Wildcard {
    /// Each part is looked for once, after the one before: the first place is as good as any later
    /// one. So the time is linear in the text, however many asterisks there are.
    fn accepts(&self, text: &str) -> bool {
        let [first, middle @ .., last] = self.0.as_slice() else {
            return self.0.first().is_some_and(|only| only == text);
        };
        let rest = text.strip_prefix(first.as_str());
        let Some(mut rest) = rest.and_then(|rest| rest.strip_suffix(last.as_str())) else {
            return false;
        };
        middle.iter().all(|part| {
            let found = rest.split_once(part.as_str());
            found.is_some_and(|(_, after)| {
                rest = after;
                true
            })
        })
    }
}
