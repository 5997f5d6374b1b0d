//! Where something is in a JSON body.

use serde_path_to_error::{Path, Segment};

/// The way to a member, in the notation of our texts (`scopes[1].name`) and as a JSON Pointer (RFC
/// 6901: `/scopes/1/name`). The pointer is exact, whatever a member is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BodyPath {
    field: String,
    pointer: String,
}

impl BodyPath {
    /// A member of the object that this leads to.
    #[must_use]
    pub fn member(mut self, name: &str) -> Self {
        if !self.field.is_empty() {
            self.field.push('.');
        }
        self.field.push_str(name);
        self.pointer.push('/');
        self.pointer
            .push_str(&name.replace('~', "~0").replace('/', "~1"));
        self
    }

    /// An item of the list that this leads to.
    #[must_use]
    pub fn item(mut self, index: usize) -> Self {
        self.field.push_str(&format!("[{index}]"));
        self.pointer.push_str(&format!("/{index}"));
        self
    }

    /// Whether it is the body itself.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.pointer.is_empty()
    }

    /// The notation of our texts.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The JSON Pointer.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }
}

/// From a notation that we wrote ourselves: no name in it has a full stop or a bracket.
impl From<&str> for BodyPath {
    fn from(field: &str) -> Self {
        field.split('.').fold(Self::default(), |path, part| {
            let mut parts = part.split('[');
            let path = match parts.next() {
                Some("") | None => path,
                Some(name) => path.member(name),
            };
            parts.fold(path, |path, index| {
                match index.trim_end_matches(']').parse() {
                    Ok(index) => path.item(index),
                    Err(_) => path,
                }
            })
        })
    }
}

impl From<&Path> for BodyPath {
    fn from(path: &Path) -> Self {
        path.iter()
            .fold(Self::default(), |path, segment| match segment {
                Segment::Seq { index } => path.item(*index),
                Segment::Map { key } => path.member(key),
                Segment::Enum { variant } => path.member(variant),
                Segment::Unknown => path,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notation_is_read_into_a_pointer() {
        for (field, pointer) in [
            ("url", "/url"),
            ("overrides.timeoutSeconds", "/overrides/timeoutSeconds"),
            ("scopes[1]", "/scopes/1"),
            ("a.b[0][12].c", "/a/b/0/12/c"),
            ("[3].a", "/3/a"),
        ] {
            let path = BodyPath::from(field);
            assert_eq!((path.field(), path.pointer()), (field, pointer));
        }
        assert!(BodyPath::default().is_whole());
    }

    #[test]
    fn a_pointer_is_exact_whatever_a_member_is_called() {
        let path = BodyPath::default().member("headers").member("a.b/c~d[0]");
        assert_eq!(path.field(), "headers.a.b/c~d[0]");
        assert_eq!(path.pointer(), "/headers/a.b~1c~0d[0]");
    }
}
