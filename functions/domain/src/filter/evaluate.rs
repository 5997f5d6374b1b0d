//! Whether a pattern matches an event, in a limited number of steps.
//!
//! A step is a value, a member of an object or some bytes of a text that are looked at: a few
//! nanoseconds. Each part of the event is looked at once for each field of the pattern that names
//! it, so what is usual takes some hundred steps. A filter with many fields over an event with
//! thousands of them can reach [`MAX_STEPS`].

use super::json::Node;
use super::pattern::{Leaf, Pattern, Test};

/// The maximum number of steps. What takes more matches: an unwanted event is better than a missing
/// one.
pub(super) const MAX_STEPS: usize = 300_000;

/// How many bytes of a text are one step.
const BYTES_PER_STEP: usize = 8;

/// There are no steps left.
#[derive(Debug)]
pub(super) struct Exhausted;

type Answer = Result<bool, Exhausted>;

/// One evaluation of one filter.
pub(super) struct Evaluation<'a> {
    event: &'a Node<'a>,
    steps: usize,
    /// Whether the event has the field of each leaf that accepts its absence, as far as known.
    present: Vec<Option<bool>>,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(event: &'a Node<'a>, leaves: usize) -> Self {
        Self {
            event,
            steps: 0,
            present: vec![None; leaves],
        }
    }

    #[cfg(test)]
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    fn count(&mut self, steps: usize) -> Result<(), Exhausted> {
        self.steps = self.steps.saturating_add(steps);
        match self.steps > MAX_STEPS {
            true => Err(Exhausted),
            false => Ok(()),
        }
    }

    /// Whether the whole event matches.
    pub(super) fn matches(&mut self, pattern: &Pattern) -> Answer {
        self.pattern(pattern, Some(self.event))
    }

    /// Whether the event matches a pattern of nothing but this leaf.
    pub(super) fn matches_leaf(&mut self, leaf: &Leaf) -> Answer {
        self.below(leaf, &leaf.path, Some(self.event))
    }

    /// A list matches if one of its objects does, with all fields of the pattern. What has no
    /// object has no fields.
    fn pattern(&mut self, pattern: &Pattern, node: Option<&'a Node<'a>>) -> Answer {
        let mut objects = Vec::new();
        self.objects(node, &mut objects)?;
        if objects.is_empty() {
            return self.fields(pattern, None);
        }
        for object in objects {
            if self.fields(pattern, Some(object))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn objects(
        &mut self,
        node: Option<&'a Node<'a>>,
        found: &mut Vec<&'a Node<'a>>,
    ) -> Result<(), Exhausted> {
        self.count(1)?;
        match node {
            Some(node @ Node::Object(_)) => found.push(node),
            Some(Node::List(items)) => {
                for item in items {
                    self.objects(Some(item), found)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn fields(&mut self, pattern: &Pattern, object: Option<&'a Node<'a>>) -> Answer {
        for (name, test) in &pattern.fields {
            let value = self.member(object, name)?;
            let is_match = match test {
                Test::Below(below) => self.pattern(below, value)?,
                Test::Leaf(leaf) => self.leaf(leaf, value)?,
            };
            if !is_match {
                return Ok(false);
            }
        }
        for alternative in &pattern.any_of {
            if self.fields(alternative, object)? {
                return Ok(true);
            }
        }
        Ok(pattern.any_of.is_empty())
    }

    fn member(
        &mut self,
        object: Option<&'a Node<'a>>,
        name: &str,
    ) -> Result<Option<&'a Node<'a>>, Exhausted> {
        if let Some(Node::Object(members)) = object {
            self.count(members.len() + 1)?;
        }
        Ok(object.and_then(|object| object.member(name)))
    }

    fn leaf(&mut self, leaf: &Leaf, value: Option<&'a Node<'a>>) -> Answer {
        if let Some(value) = value
            && self.any_accepted(leaf, value)?
        {
            return Ok(true);
        }
        Ok(leaf.accepts_absence() && !self.is_present(leaf)?)
    }

    fn any_accepted(&mut self, leaf: &Leaf, value: &Node<'_>) -> Answer {
        match value {
            Node::Object(_) => self.count(1).map(|()| false),
            Node::List(items) => {
                self.count(1)?;
                for item in items {
                    if self.any_accepted(leaf, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            scalar => {
                let bytes = match scalar {
                    Node::Text(text) => text.len(),
                    Node::Number(text) => text.len(),
                    _ => 0,
                };
                for rule in &leaf.rules {
                    self.count(rule.comparisons() * (1 + bytes / BYTES_PER_STEP))?;
                    if rule.accepts(scalar) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    /// Whether a leaf's field has a value anywhere in the event, whichever part of a list is being
    /// matched. An object, an empty list or a list of objects is no value.
    fn is_present(&mut self, leaf: &Leaf) -> Answer {
        if let Some(Some(known)) = self.present.get(leaf.index) {
            return Ok(*known);
        }
        let is_present = self.has_value(self.event, &leaf.path)?;
        if let Some(known) = self.present.get_mut(leaf.index) {
            *known = Some(is_present);
        }
        Ok(is_present)
    }

    fn has_value(&mut self, node: &'a Node<'a>, path: &[String]) -> Answer {
        self.count(1)?;
        match (node, path.split_first()) {
            (Node::List(items), _) => {
                for item in items {
                    if self.has_value(item, path)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (Node::Object(_), Some((name, rest))) => match self.member(Some(node), name)? {
                Some(value) => self.has_value(value, rest),
                None => Ok(false),
            },
            (Node::Object(_), None) => Ok(false),
            (_, rest) => Ok(rest.is_none()),
        }
    }

    fn below(&mut self, leaf: &Leaf, path: &[String], node: Option<&'a Node<'a>>) -> Answer {
        let Some((name, rest)) = path.split_first() else {
            return self.leaf(leaf, node);
        };
        let mut objects = Vec::new();
        self.objects(node, &mut objects)?;
        if objects.is_empty() {
            return self.below(leaf, rest, None);
        }
        for object in objects {
            let value = self.member(Some(object), name)?;
            if self.below(leaf, rest, value)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
