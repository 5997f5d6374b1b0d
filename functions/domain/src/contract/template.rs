//! Short texts with placeholders, for headers and for the signed text: `{id}.{timestamp}.{body}`.

use serde::{Deserialize, Serialize};

use super::sign::SigningInput;
use crate::json_error::Told;

/// Literal text and the placeholders `{id}`, `{timestamp}` (unix seconds of the attempt),
/// `{timestampIso}` (the same in RFC 3339) and, in the signed text, `{body}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Id,
    Seconds,
    Iso,
    Body,
}

impl Template {
    /// Whether the body is part of the text.
    #[must_use]
    pub fn names_body(&self) -> bool {
        self.parts.contains(&Part::Body)
    }

    /// The filled-in text.
    #[must_use]
    pub fn filled(&self, moment: &SigningInput<'_>) -> Vec<u8> {
        let body = if self.names_body() {
            moment.body.len()
        } else {
            0
        };
        let mut text = Vec::with_capacity(body + 100);
        self.render(moment, &mut text);
        text
    }

    /// Whether the time is part of the text.
    pub(super) fn names_time(&self) -> bool {
        self.parts.contains(&Part::Seconds) || self.names_time_in_rfc3339()
    }

    /// Whether the time in RFC 3339 is part of the text.
    pub(super) fn names_time_in_rfc3339(&self) -> bool {
        self.parts.contains(&Part::Iso)
    }

    /// Whether the text is the time in RFC 3339 and nothing else.
    pub(super) fn is_time_in_rfc3339(&self) -> bool {
        self.parts == [Part::Iso]
    }

    /// Appends the filled-in text to `out`.
    pub fn render(&self, moment: &SigningInput<'_>, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.extend_from_slice(text.as_bytes()),
                Part::Id => out.extend_from_slice(moment.id.as_bytes()),
                Part::Seconds => out.extend_from_slice(moment.at.seconds().to_string().as_bytes()),
                Part::Iso => out.extend_from_slice(moment.at.rfc3339().as_bytes()),
                Part::Body => out.extend_from_slice(moment.body),
            }
        }
    }
}

impl TryFrom<String> for Template {
    type Error = Told;

    fn try_from(text: String) -> Result<Self, Told> {
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while let Some((literal, tail)) = rest.split_once('{') {
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            let (name, tail) = tail
                .split_once('}')
                .ok_or(Told::new("a { has no closing }"))?;
            parts.push(match name {
                "id" => Part::Id,
                "timestamp" => Part::Seconds,
                "timestampIso" => Part::Iso,
                "body" => Part::Body,
                _ => {
                    return Err(Told::new(
                        "a placeholder is unknown; allowed: {id}, {timestamp}, {timestampIso} and {body}",
                    ));
                }
            });
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Self { text, parts })
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    #[test]
    fn placeholders_are_filled_and_the_rest_stands() {
        let template =
            Template::try_from("<{id}.{timestamp}.{timestampIso}.{body}>".to_owned()).unwrap();
        let mut out = Vec::new();
        let at = Time::from_millis(1_767_225_600_500);
        template.render(
            &SigningInput {
                id: "evt_1",
                at,
                body: b"{}",
            },
            &mut out,
        );
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "<evt_1.1767225600.2026-01-01T00:00:00.500Z.{}>"
        );
    }

    #[test]
    fn an_unknown_placeholder_is_refused() {
        assert!(Template::try_from("{secret}".to_owned()).is_err());
        assert!(Template::try_from("{id".to_owned()).is_err());
    }
}
