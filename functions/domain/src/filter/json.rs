//! JSON text as a tree that keeps numbers as they were written.
//!
//! serde_json's own tree rounds numbers to 64 bits and refuses some texts that are accepted as an
//! event's data: a number such as `1e999`, or half of a surrogate pair.

use std::borrow::Cow;

use crate::event::MAX_JSON_DEPTH;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    /// As it was written.
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    /// In their order, repeated names included.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl Node<'_> {
    /// A member of an object; the last one, if the name is repeated.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => {
                let found = members.iter().rev().find(|(given, _)| given == name);
                found.map(|(_, value)| value)
            }
            _ => None,
        }
    }
}

/// Reads a text. `None` if it is not JSON, or nested deeper than an event may be.
pub(super) fn parse(text: &str) -> Option<Node<'_>> {
    let mut reader = Reader { text, at: 0 };
    let node = reader.value(MAX_JSON_DEPTH)?;
    reader.skip_space();
    (reader.at == text.len()).then_some(node)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Skips space and the byte, if it comes next.
    fn takes(&mut self, byte: u8) -> bool {
        self.skip_space();
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn word(&mut self, word: &str, node: Node<'a>) -> Option<Node<'a>> {
        let rest = self.text.get(self.at..)?;
        self.at += word.len();
        rest.starts_with(word).then_some(node)
    }

    fn value(&mut self, levels: usize) -> Option<Node<'a>> {
        self.skip_space();
        match self.peek()? {
            b'n' => self.word("null", Node::Null),
            b't' => self.word("true", Node::Bool(true)),
            b'f' => self.word("false", Node::Bool(false)),
            b'"' => self.string().map(Node::Text),
            b'[' => self.list(levels.checked_sub(1)?),
            b'{' => self.object(levels.checked_sub(1)?),
            _ => self.number(),
        }
    }

    fn list(&mut self, levels: usize) -> Option<Node<'a>> {
        self.at += 1;
        let mut items = Vec::new();
        if self.takes(b']') {
            return Some(Node::List(items));
        }
        loop {
            items.push(self.value(levels)?);
            if !self.takes(b',') {
                return self.takes(b']').then_some(Node::List(items));
            }
        }
    }

    fn object(&mut self, levels: usize) -> Option<Node<'a>> {
        self.at += 1;
        let mut members = Vec::new();
        if self.takes(b'}') {
            return Some(Node::Object(members));
        }
        loop {
            self.skip_space();
            let name = self.string()?;
            if !self.takes(b':') {
                return None;
            }
            members.push((name, self.value(levels)?));
            if !self.takes(b',') {
                return self.takes(b'}').then_some(Node::Object(members));
            }
        }
    }

    fn number(&mut self) -> Option<Node<'a>> {
        let start = self.at;
        while matches!(
            self.peek(),
            Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
        ) {
            self.at += 1;
        }
        let text = self.text.get(start..self.at)?;
        text.contains(|c: char| c.is_ascii_digit())
            .then_some(Node::Number(text))
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return None;
        }
        let mut is_escaped = false;
        loop {
            self.at += 1;
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    is_escaped = true;
                    self.at += 1;
                }
                _ => {}
            }
        }
        self.at += 1;
        let inside = self.text.get(start + 1..self.at - 1)?;
        if !is_escaped {
            return Some(Cow::Borrowed(inside));
        }
        // Half of a surrogate pair is no character: such a text stays as it was written.
        let quoted = self.text.get(start..self.at)?;
        let read = serde_json::from_str(quoted).unwrap_or_else(|_| inside.to_owned());
        Some(Cow::Owned(read))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn value(node: &Node<'_>) -> Value {
        match node {
            Node::Null => Value::Null,
            Node::Bool(is) => Value::Bool(*is),
            Node::Number(text) => serde_json::from_str(text).unwrap(),
            Node::Text(text) => Value::String(text.clone().into_owned()),
            Node::List(items) => items.iter().map(value).collect(),
            Node::Object(members) => {
                let members = members.iter();
                members
                    .map(|(name, node)| (name.clone().into_owned(), value(node)))
                    .collect()
            }
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f32>().prop_map(Value::from),
            "\\PC{0,6}|[\"\\\\\n\u{e4}\u{1f600}]{0,4}".prop_map(Value::from),
        ];
        scalar.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::hash_map("[a-c\"\\\\]{0,2}", inner, 0..5)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_reads(json in any_json()) {
            for text in [json.to_string(), serde_json::to_string_pretty(&json).unwrap()] {
                let again: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(value(&parse(&text).unwrap()), again);
            }
        }

        #[test]
        fn no_text_panics(text in "[\\[\\]{}:,\"\\\\ntfu0-9.e+-]{0,40}|\\PC{0,40}") {
            let is_json = serde_json::from_str::<Value>(&text).is_ok();
            prop_assert!(parse(&text).is_some() || !is_json, "{}", text);
        }
    }

    #[test]
    fn what_serde_refuses_and_events_may_contain_is_read() {
        for text in [
            r#""\ud800""#,
            "1e999",
            "-0",
            "123456789012345678901234567890",
        ] {
            assert!(parse(text).is_some(), "{text}");
        }
        assert_eq!(parse(r#""\ud800x""#), Some(Node::Text(r"\ud800x".into())));
        assert_eq!(parse(r#""\u0041\n""#), Some(Node::Text("A\n".into())));
    }

    #[test]
    fn the_last_of_a_repeated_name_counts() {
        let node = parse(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(node.member("a"), Some(&Node::Number("3")));
        assert_eq!(node.member("c"), None);
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(&nested(MAX_JSON_DEPTH)).is_some());
        assert!(parse(&nested(MAX_JSON_DEPTH + 1)).is_none());
    }
}
