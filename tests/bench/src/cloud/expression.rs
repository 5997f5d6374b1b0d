//! DynamoDB's condition and update expressions, as far as Postel uses them (Developer Guide,
//! "Expressions reference"). An unknown expression is an error, so that a new one is noticed and
//! not counted wrongly.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::size::Item;

/// The names and values of an expression.
pub(crate) struct Scope<'a> {
    pub(crate) names: Option<&'a Item>,
    pub(crate) values: Option<&'a Item>,
    pub(crate) item: Option<&'a Item>,
}

type Read<T> = Result<T, String>;

fn tokens(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() || "_#:.".contains(c) {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            found.push(std::mem::take(&mut word));
        }
        match (c, found.last_mut()) {
            (c, _) if c.is_whitespace() => {}
            ('=' | '>', Some(last)) if last == "<" || (c == '=' && last == ">") => last.push(c),
            _ => found.push(c.to_string()),
        }
    }
    if !word.is_empty() {
        found.push(word);
    }
    found
}

struct Reader<'a> {
    tokens: std::iter::Peekable<std::vec::IntoIter<String>>,
    scope: &'a Scope<'a>,
}

impl<'a> Reader<'a> {
    fn new(text: &str, scope: &'a Scope<'a>) -> Self {
        Self {
            tokens: tokens(text).into_iter().peekable(),
            scope,
        }
    }

    fn next(&mut self) -> Read<String> {
        self.tokens
            .next()
            .ok_or_else(|| "the expression ends too early".to_owned())
    }

    fn takes(&mut self, wanted: &str) -> bool {
        self.tokens
            .next_if(|token| token.eq_ignore_ascii_case(wanted))
            .is_some()
    }

    fn wants(&mut self, wanted: &str) -> Read<()> {
        match self.next()? {
            token if token.eq_ignore_ascii_case(wanted) => Ok(()),
            token => Err(format!("{token} instead of {wanted}")),
        }
    }

    /// An attribute's name, with its placeholder resolved.
    fn name(&mut self) -> Read<String> {
        let token = self.next()?;
        if !token.starts_with('#') {
            return Ok(token);
        }
        self.scope
            .names
            .and_then(|names| names.get(&token)?.as_str())
            .map(str::to_owned)
            .ok_or_else(|| format!("no name {token}"))
    }

    fn operand(&mut self) -> Read<Option<Value>> {
        if self.takes("if_not_exists") {
            self.wants("(")?;
            let name = self.name()?;
            self.wants(",")?;
            let other = self.operand()?;
            self.wants(")")?;
            return Ok(self
                .scope
                .item
                .and_then(|item| item.get(&name).cloned())
                .or(other));
        }
        if self
            .tokens
            .peek()
            .is_some_and(|token| token.starts_with(':'))
        {
            let token = self.next()?;
            let values = self.scope.values;
            return values
                .and_then(|values| values.get(&token).cloned())
                .map(Some)
                .ok_or_else(|| format!("no value {token}"));
        }
        let name = self.name()?;
        Ok(self.scope.item.and_then(|item| item.get(&name).cloned()))
    }

    fn any(&mut self) -> Read<bool> {
        let mut holds = self.all()?;
        while self.takes("OR") {
            holds |= self.all()?;
        }
        Ok(holds)
    }

    fn all(&mut self) -> Read<bool> {
        let mut holds = self.one()?;
        while self.takes("AND") {
            holds &= self.one()?;
        }
        Ok(holds)
    }

    fn one(&mut self) -> Read<bool> {
        if self.takes("NOT") {
            return Ok(!self.one()?);
        }
        if self.takes("(") {
            let holds = self.any()?;
            self.wants(")")?;
            return Ok(holds);
        }
        for (function, wanted) in [("attribute_exists", true), ("attribute_not_exists", false)] {
            if self.takes(function) {
                self.wants("(")?;
                let there = self.operand()?.is_some();
                self.wants(")")?;
                return Ok(there == wanted);
            }
        }
        if self.takes("begins_with") {
            self.wants("(")?;
            let text = self.operand()?;
            self.wants(",")?;
            let start = self.operand()?;
            self.wants(")")?;
            return Ok(
                match (
                    text.as_ref().and_then(string),
                    start.as_ref().and_then(string),
                ) {
                    (Some(text), Some(start)) => text.starts_with(start),
                    _ => false,
                },
            );
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Read<bool> {
        let left = self.operand()?;
        let operator = self.next()?;
        if operator.eq_ignore_ascii_case("IN") {
            self.wants("(")?;
            let mut holds = false;
            loop {
                holds |= equal(left.as_ref(), self.operand()?.as_ref());
                if !self.takes(",") {
                    break;
                }
            }
            self.wants(")")?;
            return Ok(holds);
        }
        if operator.eq_ignore_ascii_case("BETWEEN") {
            let low = self.operand()?;
            self.wants("AND")?;
            let high = self.operand()?;
            return Ok(
                order(left.as_ref(), low.as_ref()).is_some_and(Ordering::is_ge)
                    && order(left.as_ref(), high.as_ref()).is_some_and(Ordering::is_le),
            );
        }
        let right = self.operand()?;
        let ordered = order(left.as_ref(), right.as_ref());
        Ok(match operator.as_str() {
            "=" => equal(left.as_ref(), right.as_ref()),
            "<>" => !equal(left.as_ref(), right.as_ref()),
            "<" => ordered.is_some_and(Ordering::is_lt),
            "<=" => ordered.is_some_and(Ordering::is_le),
            ">" => ordered.is_some_and(Ordering::is_gt),
            ">=" => ordered.is_some_and(Ordering::is_ge),
            other => return Err(format!("no operator {other}")),
        })
    }
}

fn string(typed: &Value) -> Option<&str> {
    typed.get("S")?.as_str()
}

fn number(typed: &Value) -> Option<f64> {
    typed.get("N")?.as_str()?.parse().ok()
}

fn equal(left: Option<&Value>, right: Option<&Value>) -> bool {
    matches!((left, right), (Some(left), Some(right)) if left == right || order(Some(left), Some(right)) == Some(Ordering::Equal))
}

fn order(left: Option<&Value>, right: Option<&Value>) -> Option<Ordering> {
    let (left, right) = (left?, right?);
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left.partial_cmp(&right),
        _ => Some(string(left)?.cmp(string(right)?)),
    }
}

pub(crate) fn holds(condition: &str, scope: &Scope<'_>) -> Read<bool> {
    let mut reader = Reader::new(condition, scope);
    let holds = reader.any()?;
    match reader.tokens.next() {
        None => Ok(holds),
        Some(token) => Err(format!("{token} is left over in {condition}")),
    }
}

pub(crate) fn updated(update: &str, scope: &Scope<'_>, mut item: Item) -> Read<Item> {
    let mut reader = Reader::new(update, scope);
    let mut section = String::new();
    while reader.tokens.peek().is_some() {
        for keyword in ["SET", "REMOVE", "ADD"] {
            if reader.takes(keyword) {
                section = keyword.to_owned();
            }
        }
        let name = reader.name()?;
        match section.as_str() {
            "SET" => {
                reader.wants("=")?;
                let value = reader
                    .operand()?
                    .ok_or_else(|| format!("{name} is set to nothing"))?;
                item.insert(name, value);
            }
            "REMOVE" => {
                item.remove(&name);
            }
            "ADD" => {
                let more = reader
                    .operand()?
                    .as_ref()
                    .and_then(number)
                    .unwrap_or_default();
                let sum = item.get(&name).and_then(number).unwrap_or_default() + more;
                item.insert(name, json!({"N": sum.to_string()}));
            }
            _ => return Err(format!("{name} stands in no section of {update}")),
        }
        reader.takes(",");
    }
    Ok(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Item {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn the_claim_of_a_delivery_is_read_as_dynamodb_reads_it() {
        let condition = "seq = :seq AND #st IN (:pending, :retrying) AND (attribute_not_exists(lease_until) OR lease_until < :now)";
        let names = object(json!({"#st": "status"}));
        let values = object(
            json!({":seq": {"N": "2"}, ":pending": {"S": "pending"}, ":retrying": {"S": "retrying"}, ":now": {"N": "10"}}),
        );
        for (item, expected) in [
            (json!({"seq": {"N": "2"}, "status": {"S": "pending"}}), true),
            (json!({"seq": {"N": "2"}, "status": {"S": "failed"}}), false),
            (
                json!({"seq": {"N": "1"}, "status": {"S": "pending"}}),
                false,
            ),
            (
                json!({"seq": {"N": "2"}, "status": {"S": "retrying"}, "lease_until": {"N": "9"}}),
                true,
            ),
            (
                json!({"seq": {"N": "2"}, "status": {"S": "retrying"}, "lease_until": {"N": "11"}}),
                false,
            ),
        ] {
            let item = object(item);
            let scope = Scope {
                names: Some(&names),
                values: Some(&values),
                item: Some(&item),
            };
            assert_eq!(holds(condition, &scope), Ok(expected), "{item:?}");
        }
    }

    #[test]
    fn an_update_sets_removes_and_adds() {
        let values = object(json!({":a": {"S": "x"}, ":n": {"N": "3"}}));
        let item = object(json!({"gone": {"S": "y"}, "count": {"N": "2"}, "kept": {"N": "1"}}));
        let scope = Scope {
            names: None,
            values: Some(&values),
            item: Some(&item),
        };
        let after = updated(
            "SET a = :a, kept = if_not_exists(kept, :n) REMOVE gone ADD count :n",
            &scope,
            item.clone(),
        );
        assert_eq!(
            Value::Object(after.unwrap()),
            json!({"a": {"S": "x"}, "kept": {"N": "1"}, "count": {"N": "5"}})
        );
    }

    #[test]
    fn what_is_not_known_is_an_error() {
        let scope = Scope {
            names: None,
            values: None,
            item: None,
        };
        for odd in [
            "size(pk) > :n",
            "a = :missing",
            "attribute_exists(pk) extra",
            "a",
        ] {
            assert!(holds(odd, &scope).is_err(), "{odd}");
        }
    }
}
