//! The body of a delivery: a JSON template whose string values may be placeholders.
//!
//! `{"event": "{type}", "data": "{data}"}`: a string that is only a placeholder becomes the JSON
//! value itself; inside a longer string, the value's text is inserted. Keys keep their order, and
//! `{data}` is inserted as raw bytes, so that the receiver gets exactly what the tenant wrote. The
//! template's own literals are copied as well: a parsed number could be written differently.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::event::MAX_JSON_DEPTH;
use crate::json_error::Told;
use crate::strict_json::{Members, is_too_deep};

/// The values that fill in an envelope.
#[derive(Clone, Copy)]
pub struct EnvelopeData<'a> {
    /// The event's id.
    pub id: &'a str,
    /// The event's type.
    pub event_type: &'a str,
    /// When the event happened, RFC 3339.
    pub timestamp: &'a str,
    /// The tenant.
    pub tenant: &'a str,
    /// The webhook.
    pub webhook: &'a str,
    /// The display name of the type.
    pub type_name: &'a str,
    /// A UUID of the pair of event and webhook, the same in every attempt.
    pub uuid: &'a str,
    /// The raw JSON of the data.
    pub data: &'a str,
    /// The event's context: raw JSON scalars by name.
    pub context: &'a BTreeMap<String, String>,
    /// The context of webhook and tenant, for names that the event's context lacks.
    pub own_context: &'a BTreeMap<String, String>,
}

/// A parsed envelope template.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Envelope {
    /// The template's JSON without whitespace between tokens.
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// Bytes copied from the template.
    Literal(String),
    /// A whole JSON value.
    Whole(Field),
    /// Text within a string.
    Within(Field),
}

#[derive(Clone, Debug, PartialEq)]
enum Field {
    Id,
    Type,
    Timestamp,
    Tenant,
    Webhook,
    TypeName,
    Uuid,
    Data,
    /// A name of the context, and its fallback if no context has the name: null if there is no
    /// fallback.
    Context(String, Option<Box<Field>>),
}

impl Envelope {
    /// Whether the template contains the type's display name.
    #[must_use]
    pub fn names_types(&self) -> bool {
        self.parts.iter().any(|part| {
            matches!(
                part,
                Part::Whole(Field::TypeName) | Part::Within(Field::TypeName)
            )
        })
    }

    /// The names that the template takes from the context.
    pub fn context_names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().flat_map(|part| match part {
            Part::Whole(field) | Part::Within(field) => field.context_names(),
            Part::Literal(_) => Vec::new(),
        })
    }

    /// Fills in the template. A name that no context has becomes its fallback, or null.
    #[must_use]
    pub fn render(&self, facts: &EnvelopeData<'_>) -> Vec<u8> {
        let mut out = String::with_capacity(facts.data.len() + 256);
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Whole(field) => field.push_json(facts, &mut out),
                Part::Within(field) => {
                    let mut json = String::new();
                    field.push_json(facts, &mut json);
                    // The quotes of a string value end here. Other values keep their JSON spelling
                    // as text: an object also contains quotes.
                    match json
                        .strip_prefix('"')
                        .and_then(|rest| rest.strip_suffix('"'))
                    {
                        Some(inner) => out.push_str(inner),
                        None => out.push_str(&escaped(&json)),
                    }
                }
            }
        }
        out.into_bytes()
    }
}

impl Field {
    fn parse(placeholder: &str) -> Result<Self, Told> {
        let (name, fallback) = match placeholder.split_once('|') {
            Some((name, fallback)) => (name, Some(Box::new(Self::parse(fallback)?))),
            None => (placeholder, None),
        };
        if fallback.is_some() && !name.starts_with("context.") {
            return Err(Told::new(
                "a placeholder that always has a value has a fallback; only {context.NAME|…} can have one",
            ));
        }
        Ok(match name {
            "id" => Self::Id,
            "type" => Self::Type,
            "timestamp" => Self::Timestamp,
            "tenantId" => Self::Tenant,
            "webhookId" => Self::Webhook,
            "typeName" => Self::TypeName,
            "uuid" => Self::Uuid,
            "data" => Self::Data,
            _ => match name.strip_prefix("context.") {
                Some(key) if !key.is_empty() => Self::Context(key.to_owned(), fallback),
                _ => {
                    return Err(Told::new(
                        "a placeholder is unknown; allowed: {id}, {type}, {typeName}, {timestamp}, {tenantId}, {webhookId}, {uuid}, {data} and {context.NAME}, the last also with a fallback, as in {context.NAME|tenantId}",
                    ));
                }
            },
        })
    }

    fn context_names(&self) -> Vec<&str> {
        match self {
            Self::Context(name, fallback) => {
                let mut names = vec![name.as_str()];
                names.extend(fallback.iter().flat_map(|field| field.context_names()));
                names
            }
            _ => Vec::new(),
        }
    }

    fn push_json(&self, facts: &EnvelopeData<'_>, out: &mut String) {
        match self {
            Self::Data => out.push_str(facts.data),
            Self::Context(name, fallback) => {
                let said = facts.context.get(name);
                match (said.or_else(|| facts.own_context.get(name)), fallback) {
                    (Some(value), _) => out.push_str(value),
                    (None, Some(fallback)) => fallback.push_json(facts, out),
                    (None, None) => out.push_str("null"),
                }
            }
            Self::Id => push_string(facts.id, out),
            Self::Type => push_string(facts.event_type, out),
            Self::Timestamp => push_string(facts.timestamp, out),
            Self::Tenant => push_string(facts.tenant, out),
            Self::Webhook => push_string(facts.webhook, out),
            Self::TypeName => push_string(facts.type_name, out),
            Self::Uuid => push_string(facts.uuid, out),
        }
    }
}

fn push_string(text: &str, out: &mut String) {
    out.push_str(&Value::from(text).to_string());
}

const NO_OBJECT: Told =
    Told::new("an envelope must be a JSON object in which no member is given twice");

impl Envelope {
    fn parse(text: &str) -> Result<Self, Told> {
        if !text.starts_with('{') {
            return Err(NO_OBJECT);
        }
        if is_too_deep(text, MAX_JSON_DEPTH) {
            const { assert!(MAX_JSON_DEPTH == 128) };
            return Err(Told::new("an envelope is nested at most 128 levels deep"));
        }
        let mut envelope = Self::default();
        envelope.compile(text)?;
        Ok(envelope)
    }

    fn compile(&mut self, text: &str) -> Result<(), Told> {
        let words = |_: serde_json::Error| NO_OBJECT;
        match text.as_bytes().first() {
            Some(b'{') => {
                let Members(members) =
                    serde_json::from_str::<Members<&RawValue>>(text).map_err(words)?;
                self.punctuate("{");
                for (index, (name, inner)) in members.iter().enumerate() {
                    self.punctuate(if index == 0 { "" } else { "," });
                    self.punctuate(&format!("{}:", Value::from(name.as_str())));
                    self.compile(inner.get())?;
                }
                self.punctuate("}");
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text).map_err(words)?;
                self.punctuate("[");
                for (index, inner) in items.iter().enumerate() {
                    self.punctuate(if index == 0 { "" } else { "," });
                    self.compile(inner.get())?;
                }
                self.punctuate("]");
            }
            Some(b'"') => {
                let string: String = serde_json::from_str(text).map_err(words)?;
                if string.contains('{') {
                    self.source.push_str(text);
                    compile_string(&string, &mut self.parts)?;
                } else {
                    self.punctuate(text);
                }
            }
            _ => self.punctuate(text),
        }
        Ok(())
    }

    /// Copies template text to the body.
    fn punctuate(&mut self, text: &str) {
        self.source.push_str(text);
        push_literal(&mut self.parts, text);
    }
}

/// The text as it appears within a JSON string.
fn escaped(text: &str) -> String {
    let json = Value::from(text).to_string();
    json.get(1..json.len().saturating_sub(1))
        .unwrap_or_default()
        .to_owned()
}

fn push_literal(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        Some(Part::Literal(last)) => last.push_str(text),
        _ => parts.push(Part::Literal(text.to_owned())),
    }
}

fn compile_string(text: &str, parts: &mut Vec<Part>) -> Result<(), Told> {
    if let Some(name) = text
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        && !name.contains(['{', '}'])
    {
        parts.push(Part::Whole(Field::parse(name)?));
        return Ok(());
    }
    push_literal(parts, "\"");
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once('{') {
        let (name, tail) = tail
            .split_once('}')
            .ok_or(Told::new("a { has no closing }"))?;
        push_literal(parts, &escaped(before));
        parts.push(Part::Within(Field::parse(name)?));
        rest = tail;
    }
    push_literal(parts, &format!("{}\"", escaped(rest)));
    Ok(())
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get()).map_err(D::Error::custom)
    }
}

impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.source.clone()).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

#[cfg(test)]
mod tests;
