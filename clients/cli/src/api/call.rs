//! One request to the API, before it is sent.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::operations::Operation;
use crate::failure::{Exit, Failure};

/// A request: an operation with the parameters that it names.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(super) operation: &'static Operation,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Map<String, Value>>,
    raw: Option<String>,
    pub(super) idempotency_key: Option<String>,
    /// Whether a repetition does nothing twice.
    pub(super) is_repeatable: bool,
    wrong: Option<String>,
}

impl Operation {
    /// A request of this operation.
    pub(crate) fn call(&'static self) -> Call {
        Call {
            operation: self,
            path: self.path.to_owned(),
            query: Vec::new(),
            body: (!self.body.is_empty()).then(Map::new),
            raw: None,
            idempotency_key: None,
            is_repeatable: self.method == "GET",
            wrong: None,
        }
    }
}

impl Call {
    /// Fills a parameter of the path.
    pub(crate) fn at(mut self, name: &str, value: &str) -> Self {
        let place = format!("{{{name}}}");
        if !self.path.contains(&place) {
            self.wrong = Some(format!("{}: no {place} in the path", self.operation.id));
        }
        self.path = self.path.replace(&place, &segment(value));
        self
    }

    /// A parameter of the query string, if there is a value.
    pub(crate) fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        if !self.operation.query.contains(&name) {
            self.wrong = Some(format!("{}: ?{name}", self.operation.id));
        }
        self.query
            .extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// A member of the body, if there is a value.
    pub(crate) fn field(mut self, name: &str, value: Option<impl Into<Value>>) -> Self {
        if !self.operation.body.contains(&name) {
            self.wrong = Some(format!("{}: body.{name}", self.operation.id));
        }
        if let (Some(value), Some(body)) = (value, &mut self.body) {
            body.insert(name.to_owned(), value.into());
        }
        self
    }

    /// The members of an object that the caller wrote. The API refuses the ones that it does not
    /// know.
    pub(crate) fn members(mut self, given: Map<String, Value>) -> Self {
        self.body.get_or_insert_default().extend(given);
        self
    }

    /// A body that is sent byte for byte. Its members are the operation's own.
    pub(crate) fn raw(mut self, body: String) -> Self {
        self.raw = Some(body);
        self
    }

    /// A body of one member whose elements are sent byte for byte.
    pub(crate) fn array(self, name: &str, elements: &[&RawValue]) -> Self {
        let mut body = format!("{{\"{name}\":[");
        for (n, element) in elements.iter().enumerate() {
            if n > 0 {
                body.push(',');
            }
            body.push_str(element.get());
        }
        body.push_str("]}");
        self.field(name, None::<Value>).raw(body)
    }

    /// A repetition of this request does nothing twice, so it is repeated where no answer came.
    pub(crate) fn repeatable(mut self) -> Self {
        self.is_repeatable = true;
        self
    }

    /// A repetition answers like the first request, which creates one thing only.
    pub(crate) fn once(mut self, key: String) -> Self {
        if !self.operation.idempotency_key {
            self.wrong = Some(format!("{}: Idempotency-Key", self.operation.id));
        }
        self.idempotency_key = Some(key);
        self.repeatable()
    }

    /// Path and query string.
    pub(super) fn target(&self) -> Result<String, Failure> {
        let wrong = self.wrong.clone().or_else(|| {
            let unfilled = self.path.contains('{');
            unfilled.then(|| format!("{}: {}", self.operation.id, self.path))
        });
        if let Some(wrong) = wrong {
            return Err(Failure::new(Exit::Usage, "bug", wrong)
                .hint("This is a bug of this program: report it."));
        }
        if self.query.is_empty() {
            return Ok(self.path.clone());
        }
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query);
        Ok(format!("{}?{}", self.path, query.finish()))
    }

    /// The body's text.
    pub(super) fn text(&self) -> Option<String> {
        let body = || {
            self.body
                .as_ref()
                .map(|body| Value::Object(body.clone()).to_string())
        };
        self.raw.clone().or_else(body)
    }
}

/// One segment of a path. Everything but letters, digits and `-_.~` is encoded; a dot segment
/// would lead to another path.
fn segment(value: &str) -> String {
    let is_dots = value.chars().all(|c| c == '.');
    let mut written = String::new();
    for byte in value.bytes() {
        let plain =
            byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) || (byte == b'.' && !is_dots);
        if plain {
            written.push(char::from(byte));
        } else {
            written.push_str(&format!("%{byte:02X}"));
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::super::operations;
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_place_in_the_path() {
        for (value, path) in [
            ("acme", "/v1/tenants/acme"),
            ("a/b?c#d", "/v1/tenants/a%2Fb%3Fc%23d"),
            ("..", "/v1/tenants/%2E%2E"),
            ("{tenantId}", "/v1/tenants/%7BtenantId%7D"),
            ("\u{e9}", "/v1/tenants/%C3%A9"),
        ] {
            assert_eq!(
                operations::TENANT
                    .call()
                    .at("tenantId", value)
                    .target()
                    .unwrap(),
                path
            );
        }
    }

    #[test]
    fn what_the_operation_does_not_have_is_refused() {
        let tenants = || operations::TENANTS.call();
        assert_eq!(
            tenants().query("limit", Some(5)).target().unwrap(),
            "/v1/tenants?limit=5"
        );
        assert!(tenants().query("state", Some("x")).target().is_err());
        assert!(tenants().at("tenantId", "a").target().is_err());
        assert!(tenants().once("key".to_owned()).target().is_err());
        assert!(operations::TENANT.call().target().is_err(), "unfilled");
        let create = operations::KEY_CREATE.call().at("tenantId", "a");
        assert!(create.field("colour", Some("red")).target().is_err());
    }

    #[test]
    fn a_member_without_a_value_is_left_out_and_elements_keep_their_bytes() {
        let call = operations::KEY_CREATE.call().at("tenantId", "a");
        let call = call
            .field("name", None::<&str>)
            .field("scopes", Some(vec!["keys"]));
        assert_eq!(call.text().unwrap(), r#"{"scopes":["keys"]}"#);
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let events = [raw(r#"{"n": 1.0}"#), raw("{}")];
        let batch = operations::PUBLISH_BATCH
            .call()
            .at("tenantId", "a")
            .array("events", &[&events[0], &events[1]]);
        assert_eq!(batch.text().unwrap(), r#"{"events":[{"n": 1.0},{}]}"#);
    }
}
