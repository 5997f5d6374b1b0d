//! Rules over HTTP status codes: `"2xx"`, `"200"` or `"500-599"`.

use serde::{Deserialize, Serialize};

use crate::json_error::Told;

/// A list of statuses and ranges of statuses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct StatusRanges(Vec<Range>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    text: String,
    low: u16,
    high: u16,
}

impl StatusRanges {
    /// Whether a status is in the list.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        self.0
            .iter()
            .any(|range| (range.low..=range.high).contains(&status))
    }

    /// Whether the list is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

const NO_RULE: Told = Told::new("a status rule is written as 2xx, 204 or 500-599");

fn parse(text: String) -> Result<Range, Told> {
    let number = |part: &str| {
        part.parse::<u16>()
            .ok()
            .filter(|n| (100..=599).contains(n) && part.len() == 3)
    };
    let (low, high) = match (text.strip_suffix("xx"), text.split_once('-')) {
        (Some(class), _) => {
            let hundred = class
                .parse::<u16>()
                .ok()
                .filter(|n| (1..=5).contains(n) && class.len() == 1)
                .ok_or(NO_RULE)?;
            (hundred * 100, hundred * 100 + 99)
        }
        (None, Some((low, high))) => (number(low).ok_or(NO_RULE)?, number(high).ok_or(NO_RULE)?),
        (None, None) => {
            let status = number(&text).ok_or(NO_RULE)?;
            (status, status)
        }
    };
    if low > high {
        return Err(NO_RULE);
    }
    Ok(Range { text, low, high })
}

impl TryFrom<Vec<String>> for StatusRanges {
    type Error = Told;

    fn try_from(rules: Vec<String>) -> Result<Self, Told> {
        rules
            .into_iter()
            .map(parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl From<StatusRanges> for Vec<String> {
    fn from(rule: StatusRanges) -> Self {
        rule.0.into_iter().map(|range| range.text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(texts: &[&str]) -> Result<StatusRanges, Told> {
        StatusRanges::try_from(texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn classes_single_statuses_and_ranges() {
        let rule = rule(&["2xx", "404", "500-503"]).unwrap();
        let held: Vec<u16> = (100..600).filter(|s| rule.contains(*s)).collect();
        assert_eq!(held.len(), 105);
        assert!(
            rule.contains(200) && rule.contains(299) && rule.contains(404) && rule.contains(503)
        );
        assert!(
            !rule.contains(199)
                && !rule.contains(300)
                && !rule.contains(405)
                && !rule.contains(504)
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for wrong in [
            "", "xx", "0xx", "6xx", "22xx", "99", "600", "2000", "503-500", "a-b", "+200", "2xx ",
        ] {
            assert!(rule(&[wrong]).is_err(), "{wrong}");
        }
    }
}
