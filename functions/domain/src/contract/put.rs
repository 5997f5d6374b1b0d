//! A contract as the operator writes it.

use serde_json::Value;
use serde_json::value::RawValue;

use super::{Contract, builtin};
use crate::names::check_description;
use crate::rejection::{Code, Rejection, Together as _};
use crate::strict_json::{Members, all_mistakes, parse_any};

/// The members that a response adds. A caller may send them back; they are ignored.
const NOT_READ: [&str; 2] = ["version", "builtin"];

/// Rejects the names of built-in contracts.
///
/// # Errors
/// `builtin_contract`.
pub fn check_own(name: &str) -> Result<(), Rejection> {
    if builtin(name).is_some() {
        let detail = format!(
            "{name} is a documented contract and cannot be changed: put yours under another name."
        );
        return Err(Rejection::new(Code::BuiltinContract, detail));
    }
    Ok(())
}

impl Contract {
    /// Parses the operator's own contract with this name.
    ///
    /// # Errors
    /// `builtin_contract`, or what is wrong with the first invalid member.
    pub fn put(name: &str, mut body: Members<Box<RawValue>>) -> Result<Self, Rejection> {
        if !Self::is_name(name) {
            let detail = "A contract's name has 1 to 64 lower case letters, digits or hyphens.";
            return Err(wrong("name", detail));
        }
        check_own(name)?;
        let given = body.get("name").map(|given| given.get());
        if given.is_some_and(|given| serde_json::from_str(given).ok() != Some(name)) {
            let detail = "The body names another contract than the path.";
            return Err(wrong("name", detail));
        }
        for member in NOT_READ {
            body.remove(member);
        }
        body.remove("name");
        // serde would accept a list for a struct.
        for (field, what) in [("signature", "`signature`"), ("mails", "`mails`")] {
            let given = body.get(field).map(|given| given.get());
            if given.is_some_and(|given| given.starts_with('[')) {
                return Err(wrong(field, format!("{what} must be an object.")));
            }
        }
        let text = text(name, &body);
        let shape = |text: &str| parse_any::<Self>(text).err();
        let contract: Self = parse_any(&text).map_err(|first| {
            let mut rejection = all_mistakes(first, &text, shape);
            rejection.code = Code::InvalidContract;
            for other in rejection.others.iter_mut() {
                other.code = Code::InvalidContract;
            }
            rejection
        })?;
        let rules = contract.check();
        check_description("description", &contract.description)
            .and_also(rules.map_err(|(field, detail)| wrong(field, detail)))?;
        Ok(contract)
    }
}

/// The body with the name, each value in its own spelling. Written without a serializer, which
/// could fail.
fn text(name: &str, body: &Members<Box<RawValue>>) -> String {
    let members = body
        .0
        .iter()
        .map(|(name, value)| (name.as_str(), value.get()));
    let quoted = Value::from(name).to_string();
    let members: Vec<_> = members
        .chain([("name", quoted.as_str())])
        .map(|(name, value)| format!("{}:{value}", Value::from(name)))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn wrong(field: &str, detail: impl Into<String>) -> Rejection {
    let detail: String = detail.into();
    Rejection::new(Code::InvalidContract, detail).field(field)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::builtin_names;

    /// The smallest valid body.
    fn least() -> Value {
        json!({
            "envelope": {"data": "{data}"},
            "timeoutSeconds": 10,
            "success": ["2xx"],
            "retryDelaysSeconds": [],
        })
    }

    fn put(name: &str, body: &Value) -> Result<Contract, Rejection> {
        Contract::put(name, serde_json::from_str(&body.to_string()).unwrap())
    }

    fn with(member: &str, value: Value) -> Value {
        let mut body = least();
        body[member] = value;
        body
    }

    fn refused(member: &str, value: Value) -> (Code, String, String) {
        let refusal = put("own", &with(member, value)).unwrap_err();
        (
            refusal.code,
            refusal.field.unwrap().into(),
            refusal.detail.into(),
        )
    }

    #[test]
    fn a_contract_has_the_name_of_its_path() {
        assert_eq!(put("own", &least()).unwrap().name, "own");
        let same = with("name", json!("own"));
        assert_eq!(put("own", &same).unwrap().name, "own");
        for other in [json!("other"), json!(1), Value::Null] {
            let (code, field, detail) = refused("name", other);
            assert_eq!((code, field.as_str()), (Code::InvalidContract, "name"));
            assert_eq!(detail, "The body names another contract than the path.");
        }
    }

    #[test]
    fn a_name_has_1_to_64_lower_case_letters_digits_or_hyphens() {
        for right in ["a", "0-9", &"x".repeat(64)] {
            assert!(put(right, &least()).is_ok(), "{right}");
        }
        for wrong in ["", "A", "a_b", "\u{e9}", &"x".repeat(65)] {
            let refusal = put(wrong, &least()).unwrap_err();
            assert_eq!(refusal.field.as_deref(), Some("name"), "{wrong}");
        }
    }

    #[test]
    fn no_contract_that_comes_with_postel_can_be_replaced() {
        for name in builtin_names() {
            let refusal = put(name, &least()).unwrap_err();
            assert_eq!(refusal.code, Code::BuiltinContract);
            assert_eq!(check_own(name), Err(refusal));
        }
        assert_eq!(check_own("own"), Ok(()));
    }

    #[test]
    fn what_a_read_adds_may_come_back() {
        let mut body = with("version", json!(7));
        body["builtin"] = json!(false);
        assert_eq!(put("own", &body).unwrap().version, 0);
    }

    #[test]
    fn a_list_is_no_object() {
        for member in ["signature", "mails"] {
            let (code, field, detail) = refused(member, json!([]));
            assert_eq!((code, field.as_str()), (Code::InvalidContract, member));
            assert!(detail.ends_with(" must be an object."), "{detail}");
        }
    }

    #[test]
    fn a_member_that_is_wrong_or_unknown_is_an_invalid_contract() {
        for (member, value) in [
            ("timeoutSeconds", json!("10")),
            ("success", json!(["7xx"])),
            ("colour", json!("blue")),
            ("timeoutSeconds", json!(0)),
            ("jitter", json!(1.5)),
        ] {
            let (code, field, _) = refused(member, value);
            assert_eq!(
                (code, field.split('[').next()),
                (Code::InvalidContract, Some(member))
            );
        }
        let (code, field, _) = refused("description", json!("\u{1b}"));
        assert_eq!((code, field.as_str()), (Code::InvalidName, "description"));
    }

    #[test]
    fn an_envelope_keeps_the_spelling_of_its_values() {
        let text = r#"{"envelope":{"b":1.0,"a":"{data}"},"timeoutSeconds":1,"success":["2xx"],"retryDelaysSeconds":[]}"#;
        let contract = Contract::put("own", serde_json::from_str(text).unwrap()).unwrap();
        let kept = serde_json::to_string(&contract.envelope).unwrap();
        assert_eq!(kept, r#"{"b":1.0,"a":"{data}"}"#);
    }
}
