//! A caller's precondition as a condition of the write itself.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::precondition::{Expected, Precondition};

use crate::dynamo::Item;

/// A condition in DynamoDB's words.
pub(super) struct Condition {
    /// The expression.
    pub(super) expression: String,
    /// The values of its placeholders; none without any, since DynamoDB takes no empty map.
    pub(super) values: Option<Item>,
}

/// The condition of a write; none without a precondition. `version` tells which attributes a row of
/// a tag has; none if no row can have the tag. DynamoDB refuses parentheses that are not needed:
/// AND binds stronger than OR, and whoever adds to the expression puts it in parentheses.
pub(super) fn condition<const N: usize>(
    precondition: &Precondition,
    version: impl Fn(&str) -> Option<[(&'static str, AttributeValue); N]>,
) -> Option<Condition> {
    let mut values = Item::new();
    let mut has = |tags: &[String]| {
        let known = tags.iter().filter_map(|tag| version(tag));
        let alternatives: Vec<_> = known
            .map(|attributes| {
                let equal = attributes.map(|(name, value)| {
                    let placeholder = format!(":expected_{}", values.len());
                    let equal = format!("{name} = {placeholder}");
                    values.insert(placeholder, value);
                    equal
                });
                equal.join(" AND ")
            })
            .collect();
        match alternatives.as_slice() {
            [] => NEVER.to_owned(),
            some => some.join(" OR "),
        }
    };
    let all: Vec<_> = precondition
        .expected()
        .iter()
        .map(|expected| match expected {
            Expected::Existing => "attribute_exists(pk)".to_owned(),
            Expected::OneOf(tags) => has(tags),
            Expected::Absent => "attribute_not_exists(pk)".to_owned(),
            Expected::NoneOf(tags) => format!("NOT ({})", has(tags)),
        })
        .collect();
    let expression = match all.as_slice() {
        [] => return None,
        [one] => one.clone(),
        several => format!("({})", several.join(") AND (")),
    };
    Some(Condition {
        expression,
        values: Some(values).filter(|values| !values.is_empty()),
    })
}

/// A condition that never holds.
const NEVER: &str = "attribute_exists(pk) AND attribute_not_exists(pk)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamo::n;

    fn told(if_match: Option<&str>, if_none_match: Option<&str>) -> Option<(String, usize)> {
        let precondition = Precondition::read(if_match, if_none_match);
        let version = |tag: &str| Some([("a", n(tag.parse::<i64>().ok()?)), ("b", n(0))]);
        let condition = condition(&precondition, version)?;
        let values = condition.values.unwrap_or_default();
        Some((condition.expression, values.len()))
    }

    #[test]
    fn a_precondition_is_one_of_the_write() {
        let expected = |text: &str, values| Some((text.to_owned(), values));
        assert_eq!(told(None, None), None);
        assert_eq!(told(Some("*"), None), expected("attribute_exists(pk)", 0));
        assert_eq!(
            told(None, Some("*")),
            expected("attribute_not_exists(pk)", 0)
        );
        assert_eq!(
            told(Some(r#""1", "x", "2""#), None),
            expected(
                "a = :expected_0 AND b = :expected_1 OR a = :expected_2 AND b = :expected_3",
                4
            )
        );
        assert_eq!(
            told(None, Some(r#""1""#)),
            expected("NOT (a = :expected_0 AND b = :expected_1)", 2)
        );
        assert_eq!(
            told(Some("*"), Some(r#""1""#)),
            expected(
                "(attribute_exists(pk)) AND (NOT (a = :expected_0 AND b = :expected_1))",
                2
            )
        );
    }

    #[test]
    fn a_tag_that_no_row_can_have_never_holds() {
        assert_eq!(told(Some(r#""x""#), None), Some((NEVER.to_owned(), 0)));
    }
}
