//! A caller's mistakes, each with a stable code.
//!
//! A rejection leaves no trace: a rejected request was never accepted. `api::problem` has the HTTP
//! status of each code, [`crate::dead_letter::Reason`] the dead-letter reason of those that can
//! occur on the events queue.

mod body_path;
mod code;

use std::fmt;

pub use self::body_path::BodyPath;
pub use self::code::Code;
use crate::safe_text::SafeText;

/// The most mistakes of one request that are told.
pub const MAX_MISTAKES: usize = 10;

/// A caller's mistake: its code, a sentence that says what to do, and the field to blame where
/// there is one. With it come the other mistakes of the same request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The stable code.
    pub code: Code,
    /// For people; contains no secret and nothing of another tenant.
    pub detail: SafeText,
    /// The field that caused it.
    pub field: Option<SafeText>,
    /// Where in the body the field is, as a JSON Pointer (RFC 6901). A field without one is a
    /// parameter, of the path or of the query string.
    pub pointer: Option<SafeText>,
    /// A finer code, of the address guard for instance.
    pub reason: Option<&'static str>,
    /// The other mistakes of the request; they have no others. Boxed, since a rejection is part of
    /// many results.
    pub others: Box<[Rejection]>,
}

impl Rejection {
    /// A rejection without a field.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<SafeText>) -> Self {
        Self {
            code,
            detail: detail.into(),
            field: None,
            pointer: None,
            reason: None,
            others: Box::default(),
        }
    }

    /// Names the member of the body to blame, in a notation that we wrote ourselves.
    #[must_use]
    pub fn field(self, field: impl AsRef<str>) -> Self {
        self.at(&BodyPath::from(field.as_ref()))
    }

    /// Names the part of the body to blame.
    #[must_use]
    pub fn at(mut self, path: &BodyPath) -> Self {
        if !path.is_whole() {
            self.field = Some(SafeText::bounded(path.field(), MAX_FIELD_BYTES));
            self.pointer = Some(SafeText::bounded(path.pointer(), MAX_FIELD_BYTES));
        }
        self
    }

    /// Names the parameter to blame, of the path or of the query string.
    #[must_use]
    pub fn parameter(mut self, name: impl AsRef<str>) -> Self {
        self.field = Some(SafeText::bounded(name.as_ref(), MAX_FIELD_BYTES));
        self.pointer = None;
        self
    }

    /// Adds the mistakes of another rejection of the same request. This one stays the first.
    #[must_use]
    pub fn with(mut self, mut other: Self) -> Self {
        let more = std::mem::take(&mut other.others);
        let mut all = std::mem::take(&mut self.others).into_vec();
        all.push(other);
        all.extend(more);
        all.truncate(MAX_MISTAKES - 1);
        self.others = all.into_boxed_slice();
        self
    }

    /// The same answer for a resource of another tenant and for one that does not exist.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is no resource with this id.")
    }

    /// A query parameter that the operation does not have. If it were ignored, a misspelt filter
    /// would show too much. `known` are the operation's parameters.
    #[must_use]
    pub fn unknown_parameter(name: &str, known: &[&str]) -> Self {
        let allowed = match known {
            [] => "none".to_owned(),
            known => known.join(", "),
        };
        let detail = format!("There is no parameter {name} here. Allowed: {allowed}.");
        Self::new(Code::UnknownParameter, detail).parameter(name)
    }

    /// [`Self::not_found`] for the tenant in the path.
    #[must_use]
    pub fn no_tenant() -> Self {
        Self::not_found().parameter("tenantId")
    }

    /// The request needs the event's content.
    #[must_use]
    pub fn event_erased() -> Self {
        let detail = "The event's content was erased and can no longer be sent. To send it, publish it again with another id.";
        Self::new(Code::EventErased, detail)
    }

    /// A time is expected, and the caller sent another value.
    #[must_use]
    pub fn not_a_time(field: &str) -> Self {
        let detail = format!("{field} is a time in RFC 3339, as in 2026-01-31T12:00:00Z.");
        Self::new(Code::InvalidTimestamp, detail).field(field)
    }

    /// Other callers changed the same resource repeatedly while this caller tried to.
    #[must_use]
    pub fn overtaken() -> Self {
        Self::new(
            Code::ConcurrentChange,
            "Other requests changed this resource at the same time, and nothing of this request is done: read the resource again, and repeat the request.",
        )
    }
}

const MAX_FIELD_BYTES: usize = 200;

/// Rules that are judged together, so that a caller hears of every mistake at once.
pub trait Together<A>: Sized {
    /// What both give, or the mistakes of both.
    ///
    /// # Errors
    /// The first mistake, with the others.
    fn and_also<B>(self, other: Result<B, Rejection>) -> Result<(A, B), Rejection>;
}

impl<A> Together<A> for Result<A, Rejection> {
    fn and_also<B>(self, other: Result<B, Rejection>) -> Result<(A, B), Rejection> {
        match (self, other) {
            (Ok(one), Ok(other)) => Ok((one, other)),
            (Err(first), Err(other)) => Err(first.with(other)),
            (Err(mistake), Ok(_)) | (Ok(_), Err(mistake)) => Err(mistake),
        }
    }
}

/// Judges rules together.
///
/// # Errors
/// The first mistake, with the others.
pub fn judge(rules: impl IntoIterator<Item = Result<(), Rejection>>) -> Result<(), Rejection> {
    let mistakes = rules.into_iter().filter_map(Result::err);
    mistakes.reduce(Rejection::with).map_or(Ok(()), Err)
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_wrote_is_quoted_in_short() {
        let name = "\u{e9}".repeat(100_000);
        let body = format!(r#"{{"type":"a.b","data":1,"{name}":1}}"#);
        let rejection = crate::event::parse(body.as_bytes())
            .unwrap_err()
            .field(&name);
        assert_eq!(rejection.code, Code::UnknownField);
        assert!(rejection.detail.contains('\u{e9}') && rejection.detail.len() < 510);
        assert!(rejection.field.unwrap().len() < 210);
        assert!(rejection.pointer.unwrap().len() < 210);
    }

    #[test]
    fn what_a_stranger_wrote_is_quoted_without_what_cannot_be_seen() {
        let name = "a\u{202e}\u{1b}[2J\u{9b}";
        let body = r#"{"type":"a.b","data":1,"a\u202e\u001b[2J\u009b":1}"#;
        let rejection = crate::event::parse(body.as_bytes()).unwrap_err();
        let written = "a\\u{202e}\\u{1b}[2J\\u{9b}";
        assert!(rejection.detail.contains(written), "{}", rejection.detail);
        assert_eq!(rejection.field.as_deref(), Some(written));
        let parameter = rejection.parameter(name);
        assert_eq!(parameter.field.as_deref(), Some(written));
    }

    fn mistake(field: &str) -> Rejection {
        Rejection::new(Code::InvalidValue, "No.").field(field)
    }

    fn fields(rejection: &Rejection) -> Vec<&str> {
        let all = [rejection].into_iter().chain(rejection.others.iter());
        all.filter_map(|one| one.field.as_deref()).collect()
    }

    #[test]
    fn mistakes_are_told_together_in_order_and_each_once() {
        let wrong = |field| Err::<(), _>(mistake(field));
        let right = |number: u8| Ok::<_, Rejection>(number);
        assert_eq!(
            right(1).and_also(right(2)).and_also(right(3)),
            Ok(((1, 2), 3))
        );
        let told = wrong("a").and_also(right(1)).and_also(wrong("b"));
        let told = told.and_also(wrong("c").and_also(wrong("d"))).unwrap_err();
        assert_eq!(fields(&told), ["a", "b", "c", "d"]);
        assert!(told.others.iter().all(|other| other.others.is_empty()));
    }

    #[test]
    fn of_a_list_of_rules_every_mistake_is_told() {
        assert_eq!(judge([Ok(()), Ok(())]), Ok(()));
        let told = judge([Err(mistake("a")), Ok(()), Err(mistake("b"))]).unwrap_err();
        assert_eq!(fields(&told), ["a", "b"]);
    }

    #[test]
    fn no_more_mistakes_are_told_than_a_reader_takes_in() {
        let many = (0..50).fold(mistake("a"), |told, _| told.with(mistake("b")));
        assert_eq!(fields(&many).len(), MAX_MISTAKES);
    }
}
