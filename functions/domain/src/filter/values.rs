//! The values in the lists of a pattern.

use super::decimal::Decimal;
use super::json::Node;
use super::pattern::Place;
use super::rule::{Range, Rule, TextRule, Wildcard, fold};
use crate::rejection::Rejection;

const OPERATORS: &str = "`prefix`, `suffix`, `equals-ignore-case`, `wildcard`, `anything-but`, `numeric`, `cidr`, `exists`";

/// One value of a field's list.
pub(super) fn rule(node: &Node<'_>, place: &Place) -> Result<Rule, Rejection> {
    match node {
        Node::Null => Ok(Rule::Null),
        Node::Bool(is) => Ok(Rule::Bool(*is)),
        Node::Number(text) => Ok(Rule::Number(Decimal::parse(text))),
        Node::Text(text) => Ok(Rule::Text(TextRule::Equals(text.clone().into_owned()))),
        Node::List(_) => Err(place.wrong("A list of values holds no other list.")),
        Node::Object(_) => {
            let (name, value, place) = operator(node, place)?;
            operation(name, value, &place)
        }
    }
}

/// The only member of an object.
fn operator<'a>(
    node: &'a Node<'_>,
    place: &Place,
) -> Result<(&'a str, &'a Node<'a>, Place), Rejection> {
    match node {
        Node::Object(members) => match members.as_slice() {
            [(name, value)] => Ok((name.as_ref(), value, place.part(name))),
            _ => Err(place.wrong(format!(
                "An object in a list has one operator: {OPERATORS}."
            ))),
        },
        _ => Err(place.wrong("A text is expected, or an object with one operator.")),
    }
}

fn operation(name: &str, value: &Node<'_>, place: &Place) -> Result<Rule, Rejection> {
    match name {
        "numeric" => numeric(value, place).map(Rule::Numeric),
        "exists" => match value {
            Node::Bool(wanted) => Ok(Rule::Exists(*wanted)),
            _ => Err(place.wrong("`exists` is true or false.")),
        },
        "cidr" => {
            let net = text_of(value).and_then(|text| text.parse().ok());
            net.map(Rule::Cidr).ok_or_else(|| {
                place.wrong(
                    "`cidr` is a range of addresses, such as \"10.0.0.0/24\" or \"2001:db8::/32\".",
                )
            })
        }
        "anything-but" => anything_but(value, place),
        _ => text_rule(name, value, place).map(Rule::Text),
    }
}

fn text_of<'a>(node: &'a Node<'_>) -> Option<&'a str> {
    match node {
        Node::Text(text) => Some(text),
        _ => None,
    }
}

fn text_rule(name: &str, value: &Node<'_>, place: &Place) -> Result<TextRule, Rejection> {
    if let "prefix" | "suffix" = name
        && let Node::Object(_) = value
    {
        let (inner, value, place) = operator(value, place)?;
        if inner != "equals-ignore-case" {
            let detail =
                format!("`{name}` is a text, or {{\"equals-ignore-case\": \"\u{2026}\"}}.");
            return Err(place.wrong(detail));
        }
        let folded = fold(required_text(inner, value, &place)?);
        return Ok(match name {
            "prefix" => TextRule::PrefixIgnoreCase(folded),
            _ => TextRule::SuffixIgnoreCase(folded),
        });
    }
    let text = |value| required_text(name, value, place);
    match name {
        "prefix" => Ok(TextRule::Prefix(text(value)?.to_owned())),
        "suffix" => Ok(TextRule::Suffix(text(value)?.to_owned())),
        "equals-ignore-case" => Ok(TextRule::EqualsIgnoreCase(fold(text(value)?))),
        "wildcard" => wildcard(text(value)?, place).map(TextRule::Wildcard),
        _ => Err(place.wrong(format!("There is no such operator. Allowed: {OPERATORS}."))),
    }
}

fn required_text<'a>(name: &str, value: &'a Node<'_>, place: &Place) -> Result<&'a str, Rejection> {
    let text = text_of(value).filter(|text| !text.is_empty());
    text.ok_or_else(|| place.wrong(format!("`{name}` is a text that is not empty.")))
}

fn wildcard(text: &str, place: &Place) -> Result<Wildcard, Rejection> {
    let mut parts = vec![String::new()];
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let literal = match letter {
            '*' if letters.peek() == Some(&'*') => {
                return Err(place.wrong("One asterisk is enough: two of them in a row say no more."));
            }
            '*' => {
                parts.push(String::new());
                continue;
            }
            '\\' => letters.next_if(|next| matches!(next, '*' | '\\')).ok_or_else(|| {
                place.wrong("A backslash stands before an asterisk or another backslash that is meant itself.")
            })?,
            other => other,
        };
        if let Some(part) = parts.last_mut() {
            part.push(literal);
        }
    }
    Ok(Wildcard(parts))
}

/// Values or operators that an event must not have.
fn anything_but(value: &Node<'_>, place: &Place) -> Result<Rule, Rejection> {
    if let Node::Object(_) = value {
        let (name, value, place) = operator(value, place)?;
        if !matches!(
            name,
            "prefix" | "suffix" | "equals-ignore-case" | "wildcard"
        ) {
            let detail = "`anything-but` takes values, `prefix`, `suffix`, `equals-ignore-case` or `wildcard`.";
            return Err(place.wrong(detail));
        }
        return each(value, &place, |value, place| {
            required_text(name, value, place)?;
            text_rule(name, value, place).map(Rule::Text)
        });
    }
    let mut first = None;
    each(value, place, |value, place| {
        let is_text = matches!(value, Node::Text(_));
        if !is_text && !matches!(value, Node::Number(_)) {
            return Err(place.wrong("`anything-but` takes texts or numbers, or an operator."));
        }
        if *first.get_or_insert(is_text) != is_text {
            return Err(place.wrong("A list of `anything-but` has texts or numbers, not both."));
        }
        rule(value, place)
    })
}

/// One value, or each of a list.
fn each<'a>(
    value: &'a Node<'a>,
    place: &Place,
    mut read: impl FnMut(&'a Node<'a>, &Place) -> Result<Rule, Rejection>,
) -> Result<Rule, Rejection> {
    let rules = match value {
        Node::List(items) if items.is_empty() => {
            return Err(place.wrong("An empty list says nothing: give the values."));
        }
        Node::List(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(at, item)| read(item, &place.item(at)))
                .collect::<Result<_, _>>()?
        }
        one => vec![read(one, place)?],
    };
    Ok(Rule::AnythingBut(rules))
}

fn numeric(value: &Node<'_>, place: &Place) -> Result<Range, Rejection> {
    let wrong = || {
        place.wrong(
            "`numeric` is a list of comparisons, such as [\"=\", 5], [\"<\", 10] or [\">\", 0, \"<=\", 5].",
        )
    };
    let Node::List(items) = value else {
        return Err(wrong());
    };
    let mut range = Range::default();
    let pairs = items.chunks(2);
    if items.is_empty() || pairs.len() > 2 {
        return Err(wrong());
    }
    let is_only = pairs.len() == 1;
    for pair in pairs {
        let [Node::Text(comparison), Node::Number(number)] = pair else {
            return Err(wrong());
        };
        let number = Decimal::parse(number);
        let ends = match comparison.as_ref() {
            "=" if is_only => {
                range.lower = Some((number.clone(), true));
                range.upper = Some((number, true));
                continue;
            }
            ">" | ">=" if range.lower.is_none() && range.upper.is_none() => &mut range.lower,
            "<" | "<=" if range.upper.is_none() => &mut range.upper,
            _ => return Err(wrong()),
        };
        *ends = Some((number, comparison.ends_with('=')));
    }
    match range.is_empty() {
        true => Err(place.wrong("No number is in this range.")),
        false => Ok(range),
    }
}
