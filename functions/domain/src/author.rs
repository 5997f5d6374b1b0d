//! Who made a change: a key, a session, the operator, or Postel itself. Written into the row that
//! the change is of, so it costs no further write.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::ids::KeyId;
use crate::session::SessionId;

/// Who made a change. The serialized form is part of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Author {
    /// A tenant's key.
    Key {
        /// Its public part.
        id: KeyId,
        /// Its name at that time: the key may be deleted since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// A tenant's session, such as one of the portal.
    Session {
        /// Its id.
        id: SessionId,
    },
    /// The operator.
    Operator {
        /// The session's id; `None` for the operator's key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<SessionId>,
    },
    /// Postel itself.
    Postel,
}

impl Author {
    /// The names of the kinds in the API.
    pub const KINDS: [&str; 4] = ["key", "session", "operator", "postel"];

    /// The kind's name in the API.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Key { .. } => "key",
            Self::Session { .. } => "session",
            Self::Operator { .. } => "operator",
            Self::Postel => "postel",
        }
    }

    /// The id of the key or the session.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        match self {
            Self::Key { id, .. } => Some(id.as_str().to_owned()),
            Self::Session { id } | Self::Operator { id: Some(id) } => Some(id.to_string()),
            Self::Operator { id: None } | Self::Postel => None,
        }
    }

    /// The key's name, which its owner chose.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Key { name, .. } => name.as_deref(),
            _ => None,
        }
    }
}

/// For attributes that are only shown: what a later version wrote in another way is as good as
/// none. It must not make the row unreadable, because deliveries would wait for it.
///
/// # Errors
/// A value that is no JSON.
pub fn readable<'de, D: Deserializer<'de>, T: for<'a> Deserialize<'a>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(T::deserialize(value).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::time::Time;
    use crate::ulid::Ulid;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Row {
        #[serde(default, deserialize_with = "readable")]
        by: Option<Author>,
    }

    fn read(row: Value) -> Option<Author> {
        serde_json::from_value::<Row>(row).unwrap().by
    }

    #[test]
    fn every_author_reads_as_it_was_written_and_has_one_of_the_kinds() {
        let session = SessionId(Ulid::new(Time::from_millis(5), [1; 10]));
        let key = |name: Option<&str>| Author::Key {
            id: KeyId::new([1; 16]),
            name: name.map(str::to_owned),
        };
        let all = [
            key(None),
            key(Some("ERP")),
            Author::Session { id: session },
            Author::Operator { id: None },
            Author::Operator { id: Some(session) },
            Author::Postel,
        ];
        for author in all {
            let written = serde_json::to_value(&author).unwrap();
            assert_eq!(written["kind"], author.kind());
            assert!(Author::KINDS.contains(&author.kind()));
            assert_eq!(written["id"].as_str().map(str::to_owned), author.id());
            assert_eq!(written["name"].as_str(), author.name());
            assert!(!written.to_string().contains("null"), "{written}");
            assert_eq!(read(json!({"by": written})), Some(author));
        }
    }

    #[test]
    fn an_author_of_a_later_version_is_none_and_the_row_is_read() {
        for by in [
            json!({"kind": "robot"}),
            json!({"kind": "key"}),
            json!("somebody"),
            json!(5),
            json!(null),
        ] {
            assert_eq!(read(json!({"by": by})), None, "{by}");
        }
        assert_eq!(read(json!({})), None);
    }
}
