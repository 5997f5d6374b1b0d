//! A pattern read from JSON, its mistakes told by their place.

use super::json::{Node, parse};
use super::rule::Rule;
use super::values;
use crate::rejection::{BodyPath, Code, Rejection};
use crate::safe_text::SafeText;

/// The maximum size of a filter in bytes, without space between its parts. It is read with each
/// snapshot of its tenant.
pub const MAX_FILTER_BYTES: usize = 2048;
/// The maximum number of patterns within each other, the outermost included.
pub const MAX_FILTER_LEVELS: usize = 8;
/// The maximum number of fields with a list of values.
pub const MAX_FILTER_LEAVES: usize = 100;

/// The members of an event that a filter can name.
pub(super) const ROOTS: [&str; 3] = ["type", "data", "context"];
/// The name of the list of patterns one of which has to match.
const OR: &str = "$or";

/// What an object has to have.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern {
    pub(super) fields: Vec<(String, Test)>,
    /// One of these at least, if there are any.
    pub(super) any_of: Vec<Pattern>,
}

/// What a field has to have.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    Below(Pattern),
    Leaf(Leaf),
}

/// A field with its list of values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Leaf {
    /// Its place among all leaves of the filter.
    pub(super) index: usize,
    /// The names from the event down to the field.
    pub(super) path: Vec<String>,
    pub(super) rules: Vec<Rule>,
}

impl Leaf {
    /// Whether it accepts that the event does not have the field.
    pub(super) fn accepts_absence(&self) -> bool {
        self.rules.contains(&Rule::Exists(false))
    }
}

impl Pattern {
    /// Its leaves, in the order in which they were written.
    pub(super) fn leaves(&self) -> Vec<&Leaf> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found.sort_by_key(|leaf| leaf.index);
        found
    }

    fn collect<'a>(&'a self, found: &mut Vec<&'a Leaf>) {
        for (_, test) in &self.fields {
            match test {
                Test::Below(pattern) => pattern.collect(found),
                Test::Leaf(leaf) => found.push(leaf),
            }
        }
        for pattern in &self.any_of {
            pattern.collect(found);
        }
    }
}

/// Reads a pattern. `field` is the member of the request that has it.
///
/// # Errors
/// `invalid_pattern` with the place of the first mistake.
pub(super) fn read(text: &str, field: &str) -> Result<Pattern, Rejection> {
    let place = Place {
        body: BodyPath::from(field),
        fields: Vec::new(),
    };
    if text.len() > MAX_FILTER_BYTES {
        let detail = format!(
            "A filter has at most {MAX_FILTER_BYTES} bytes of JSON without spaces; this one has {}.",
            text.len()
        );
        return Err(place.wrong(detail));
    }
    let Some(node) = parse(text) else {
        return Err(place.wrong("A filter is JSON."));
    };
    let mut reader = Reader { leaves: 0 };
    reader.pattern(&node, &place, MAX_FILTER_LEVELS)
}

/// Where a part of a pattern is, in the request and in the event.
#[derive(Clone)]
pub(super) struct Place {
    body: BodyPath,
    fields: Vec<String>,
}

impl Place {
    fn field(&self, name: &str) -> Self {
        let mut fields = self.fields.clone();
        fields.push(name.to_owned());
        Self {
            body: self.body.clone().member(name),
            fields,
        }
    }

    /// A part that is no field of the event.
    pub(super) fn part(&self, name: &str) -> Self {
        Self {
            body: self.body.clone().member(name),
            fields: self.fields.clone(),
        }
    }

    pub(super) fn item(&self, index: usize) -> Self {
        Self {
            body: self.body.clone().item(index),
            fields: self.fields.clone(),
        }
    }

    pub(super) fn wrong(&self, detail: impl Into<SafeText>) -> Rejection {
        Rejection::new(Code::InvalidPattern, detail).at(&self.body)
    }
}

struct Reader {
    leaves: usize,
}

impl Reader {
    fn pattern(
        &mut self,
        node: &Node<'_>,
        place: &Place,
        levels: usize,
    ) -> Result<Pattern, Rejection> {
        let Node::Object(members) = node else {
            let detail =
                "A pattern is an object of fields, such as {\"data\": {\"status\": [\"paid\"]}}.";
            return Err(place.wrong(detail));
        };
        let Some(levels) = levels.checked_sub(1) else {
            let detail = format!("A filter has at most {MAX_FILTER_LEVELS} levels.");
            return Err(place.wrong(detail));
        };
        if members.is_empty() {
            let detail = "An empty pattern says nothing: name a field, or send null for no filter.";
            return Err(place.wrong(detail));
        }
        let mut pattern = Pattern {
            fields: Vec::new(),
            any_of: Vec::new(),
        };
        for (name, value) in members {
            if pattern.fields.iter().any(|(given, _)| given == name)
                || (name == OR && !pattern.any_of.is_empty())
            {
                let detail = "The field is given twice: put all its values into one list.";
                return Err(place.field(name).wrong(detail));
            }
            if name == OR {
                pattern.any_of = self.alternatives(value, place, levels)?;
            } else {
                let test = self.test(name, value, place, levels)?;
                pattern.fields.push((name.clone().into_owned(), test));
            }
        }
        Ok(pattern)
    }

    fn test(
        &mut self,
        name: &str,
        value: &Node<'_>,
        place: &Place,
        levels: usize,
    ) -> Result<Test, Rejection> {
        let is_root = place.fields.is_empty();
        let place = place.field(name);
        if is_root && !ROOTS.contains(&name) {
            let detail = "A filter names `type`, `data` and `context` of the event, and fields below `data` and `context`.";
            return Err(place.wrong(detail));
        }
        match value {
            Node::Object(_) if is_root && name == "type" => {
                Err(place.wrong("`type` is a text: give a list of values, such as [\"item.paid\"]."))
            }
            Node::Object(_) => Ok(Test::Below(self.pattern(value, &place, levels)?)),
            Node::List(items) if items.is_empty() => {
                Err(place.wrong("An empty list matches nothing: give the values that match."))
            }
            Node::List(items) => {
                let index = self.leaves;
                self.leaves += 1;
                if self.leaves > MAX_FILTER_LEAVES {
                    let detail =
                        format!("A filter has at most {MAX_FILTER_LEAVES} fields with values.");
                    return Err(place.wrong(detail));
                }
                let rules = items.iter().enumerate();
                let rules = rules.map(|(at, item)| values::rule(item, &place.item(at)));
                Ok(Test::Leaf(Leaf {
                    index,
                    rules: rules.collect::<Result<_, _>>()?,
                    path: place.fields,
                }))
            }
            _ => Err(place.wrong(
                "The values of a field are a list, also if there is one: [\"paid\"]. An object names fields below it.",
            )),
        }
    }

    fn alternatives(
        &mut self,
        value: &Node<'_>,
        place: &Place,
        levels: usize,
    ) -> Result<Vec<Pattern>, Rejection> {
        let here = place.part(OR);
        let Node::List(items) = value else {
            return Err(here.wrong("`$or` is a list of patterns, one of which has to match."));
        };
        if items.len() < 2 {
            return Err(here.wrong("`$or` has two patterns at least."));
        }
        let items = items.iter().enumerate();
        items
            .map(|(at, item)| self.pattern(item, &here.item(at), levels))
            .collect()
    }
}
