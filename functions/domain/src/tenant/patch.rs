//! A change of a tenant, as a JSON merge patch (RFC 7396).

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{Limits, PutTenant, Tenant};
use crate::context::{self, Given};
use crate::merge_patch::merge;
use crate::rejection::{BodyPath, Code, Rejection, Together as _, judge};
use crate::strict_json::{Members, all_mistakes, object_field, parse_any};

/// The members that a patch may name. Null gives a member its default.
pub const PATCHED: [&str; 6] = [
    "name",
    "contract",
    "contactEmail",
    "publishers",
    "limits",
    "context",
];
/// The members that a response adds. They may come back with a patch, and are not read.
pub const READ_ONLY: [&str; 3] = ["id", "createdAt", "updatedAt"];

/// A patch, independent of the tenant.
#[derive(Clone)]
pub struct TenantPatch {
    /// An outer `Some(None)` removes all names.
    context: Option<Option<Given>>,
    /// The other members.
    rest: Map<String, Value>,
}

/// The members that can be changed, after a merge patch.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Editable {
    name: Option<String>,
    contract: Option<String>,
    contact_email: Option<String>,
    #[serde(default)]
    publishers: Vec<String>,
    #[serde(default, deserialize_with = "object_field")]
    limits: Limits,
}

impl TenantPatch {
    /// Reads a patch.
    ///
    /// # Errors
    /// `unknown_field` for a member that cannot be changed.
    pub fn read(mut members: Members<Box<RawValue>>) -> Result<Self, Rejection> {
        for name in READ_ONLY {
            members.remove(name);
        }
        judge(members.0.iter().map(|(name, _)| check_name(name)))?;
        let context = members.remove("context");
        let rest = members
            .0
            .into_iter()
            .map(|(name, raw)| Ok((name, parse_any(raw.get())?)))
            .collect::<Result<_, Rejection>>()?;
        Ok(Self {
            context: context.map(|raw| parse_any(raw.get())).transpose()?,
            rest,
        })
    }

    /// Whether the patch names the contract.
    #[must_use]
    pub fn takes_contract(&self) -> bool {
        self.rest.contains_key("contract")
    }

    /// Applies the patch to a tenant: the tenant as the operator would write it in full. Members
    /// that the patch does not name were right when they came, and are not checked again.
    ///
    /// # Errors
    /// If the result does not have the shape of a tenant, or a member of the patch breaks a rule.
    pub fn on(self, before: &Tenant) -> Result<PutTenant, Rejection> {
        let named: Vec<String> = self.rest.keys().cloned().collect();
        let mut merged = json!({
            "name": before.name,
            "contract": before.contract,
            "contactEmail": before.contact_email,
            "publishers": before.publishers,
            "limits": before.limits,
        });
        merge(&mut merged, Value::Object(self.rest));
        let merged = merged.to_string();
        let shape = |text: &str| parse_any::<Editable>(text).err();
        let wish =
            parse_any::<Editable>(&merged).map_err(|first| all_mistakes(first, &merged, shape));
        let context = match self.context {
            Some(Some(changes)) => context::patched(&before.context, &changes),
            Some(None) => Ok(context::Context::new()),
            None => Ok(before.context.clone()),
        };
        let (wish, context) = wish.and_also(context)?;
        let put = PutTenant {
            name: wish.name,
            contract: wish.contract,
            contact_email: wish.contact_email,
            publishers: wish.publishers,
            limits: wish.limits,
            context: context::given(context)?,
        };
        put.check_members(|name| named.iter().any(|own| own == name))?;
        Ok(put)
    }
}

fn check_name(name: &str) -> Result<(), Rejection> {
    if PATCHED.contains(&name) {
        return Ok(());
    }
    let allowed = PATCHED.map(|name| format!("`{name}`")).join(", ");
    let detail = format!("`{name}` cannot be changed here. Allowed: {allowed}.");
    Err(Rejection::new(Code::UnknownField, detail).at(&BodyPath::default().member(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::testing;

    fn tenant() -> Tenant {
        let context = [("a", "1.0"), ("b", "2")];
        let context = context.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Tenant {
            name: Some("Acme".to_owned()),
            contract: "kuviq".to_owned(),
            contact_email: Some("a@example.com".to_owned()),
            publishers: vec!["A".to_owned()],
            limits: Limits {
                webhooks: Some(1),
                requests_per_minute: Some(2),
            },
            context: context.into(),
            ..testing::tenant()
        }
    }

    fn patched(before: &Tenant, patch: &str) -> Result<Tenant, Rejection> {
        let members = parse_any(patch)?;
        let put = TenantPatch::read(members)?.on(before)?;
        let (id, contract) = (before.id.clone(), put.contract().to_owned());
        let keys = std::sync::Arc::clone(&before.sealing_keys);
        let mut after = put.tenant(id, contract, Some(before), keys, before.updated_at)?;
        after.updated_at = before.updated_at;
        Ok(after)
    }

    #[test]
    fn a_patch_changes_what_it_names_and_nothing_else() {
        let before = tenant();
        assert_eq!(patched(&before, "{}").unwrap(), before);
        let sent_back = r#"{"id": "x", "createdAt": 1, "updatedAt": null}"#;
        assert_eq!(patched(&before, sent_back).unwrap(), before);
        let named = |name: &str| Tenant {
            name: Some(name.to_owned()),
            ..before.clone()
        };
        assert_eq!(patched(&before, r#"{"name": "B"}"#).unwrap(), named("B"));
        let limits = patched(&before, r#"{"limits": {"webhooks": null}}"#).unwrap();
        assert_eq!(
            limits.limits,
            Limits {
                webhooks: None,
                requests_per_minute: Some(2)
            }
        );
        let context = patched(&before, r#"{"context": {"b": null, "c": 1e2}}"#).unwrap();
        let values: Vec<_> = context.context.into_iter().collect();
        let expected = [("a", "1.0"), ("c", "1e2")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(values, expected, "no value is written in another way");
    }

    #[test]
    fn null_gives_a_member_its_default() {
        let all = r#"{"name": null, "contract": null, "contactEmail": null, "publishers": null,
            "limits": null, "context": null}"#;
        let after = patched(&tenant(), all).unwrap();
        assert_eq!(after, testing::tenant());
    }

    #[test]
    fn a_member_that_breaks_a_rule_is_named_and_only_those_of_the_patch_are_judged() {
        for (patch, code, field) in [
            (r#"{"colour": 1}"#, Code::UnknownField, "colour"),
            (r#"{"sealingKeys": {}}"#, Code::UnknownField, "sealingKeys"),
            (r#"{"name": 1}"#, Code::InvalidRequest, "name"),
            (r#"{"limits": {"x": 1}}"#, Code::UnknownField, "limits.x"),
            (
                r#"{"limits": {"webhooks": 10001}}"#,
                Code::InvalidValue,
                "limits.webhooks",
            ),
            (
                r#"{"contactEmail": "x"}"#,
                Code::InvalidValue,
                "contactEmail",
            ),
            (r#"{"publishers": [""]}"#, Code::InvalidValue, "publishers"),
            (r#"{"context": {"a": {}}}"#, Code::InvalidValue, "context"),
        ] {
            let refusal = patched(&tenant(), patch).unwrap_err();
            assert_eq!(refusal.code, code, "{patch}");
            assert_eq!(refusal.field.as_deref(), Some(field), "{patch}");
        }
        let strict = Tenant {
            contact_email: Some("of an earlier rule".to_owned()),
            ..tenant()
        };
        assert!(patched(&strict, r#"{"name": "B"}"#).is_ok());
        assert!(patched(&strict, r#"{"contactEmail": "still wrong"}"#).is_err());
    }
}
