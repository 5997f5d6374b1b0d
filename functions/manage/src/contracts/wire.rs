//! Contracts as callers write and read them: the domain's own shape, described for the document. A
//! test compares the names of both.

use std::borrow::Cow;
use std::collections::BTreeMap;

use api::document::schemas::{
    AnswerOf, ContractAtEnd, ContractName, SignatureEncoding, SignatureSecretForm, template_headers,
};
use domain::contract::{AtEnd, Contract, Encoding, SecretFormat, builtin};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

type SignatureAnswer = AnswerOf<Signature>;
type MailsAnswer = AnswerOf<Mails>;

/// A contract in an answer.
#[derive(Serialize)]
pub(crate) struct ContractResponse {
    #[serde(flatten)]
    contract: Contract,
    builtin: bool,
}

impl ContractResponse {
    pub(super) fn new(contract: &Contract) -> Self {
        Self {
            builtin: builtin(&contract.name).is_some(),
            contract: contract.clone(),
        }
    }
}

/// A contract to create or replace. Placeholders are `{id}`, `{type}`, `{typeName}`, `{timestamp}`,
/// `{tenantId}`, `{webhookId}`, `{uuid}`, `{data}` and `{context.NAME}` in envelopes, the last with
/// an optional fallback: `{context.NAME|tenantId}`; `{id}`, `{timestamp}` (unix seconds of the
/// attempt), `{timestampIso}` and, in what is signed, `{body}` elsewhere.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ContractUpsert)]
#[expect(
    dead_code,
    reason = "described, never filled: the domain's Contract is what is read"
)]
pub(crate) struct Put {
    /// Its name, if it is said again: the path has it.
    #[serde(default)]
    #[schema(value_type = ContractName)]
    name: String,
    /// For people.
    #[serde(default)]
    description: String,
    /// Ignored, so that a contract can be sent back as it was read.
    #[serde(default)]
    version: Value,
    /// Ignored, so that a contract can be sent back as it was read.
    #[serde(default)]
    builtin: Value,
    /// What the body looks like: any object, whose texts may hold placeholders.
    envelope: Map<String, Value>,
    /// What the body of a test event looks like, if it is not the usual one.
    test_envelope: Option<Map<String, Value>>,
    /// What `{typeName}` means for types that the catalogue does not name.
    #[serde(default)]
    type_names: BTreeMap<String, String>,
    /// How the body is signed; null, if nothing is.
    signature: Option<Signature>,
    /// Headers beside those of every delivery, by name.
    #[serde(default)]
    #[schema(schema_with = template_headers)]
    headers: BTreeMap<String, String>,
    /// How long one attempt may take.
    #[schema(minimum = 1, maximum = 60)]
    timeout_seconds: u32,
    /// Which statuses mean delivered.
    #[schema(schema_with = some_statuses)]
    success: Vec<String>,
    /// Which statuses are never tried again.
    #[serde(default)]
    #[schema(schema_with = statuses)]
    refused: Vec<String>,
    /// Which statuses switch the webhook off.
    #[serde(default)]
    #[schema(schema_with = statuses)]
    gone: Vec<String>,
    /// On which statuses `Retry-After` is honoured.
    #[serde(default)]
    #[schema(schema_with = statuses)]
    retry_after: Vec<String>,
    /// The delays before the second, third, … attempt.
    #[schema(schema_with = delays)]
    retry_delays_seconds: Vec<u32>,
    /// Up to which share of a delay is added by chance: 0.1 is 10 %.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1)]
    jitter: f64,
    /// What happens to the webhook when the last attempt has failed.
    #[serde(default)]
    #[schema(value_type = ContractAtEnd)]
    at_end: AtEnd,
    /// Which mails go to the tenant's contact.
    #[serde(default)]
    mails: Mails,
    /// Refuses http.
    #[serde(default)]
    https_only: bool,
    /// How many webhooks a tenant of this contract may have, unless the operator says otherwise for
    /// the tenant.
    #[schema(maximum = 10_000)]
    webhooks_per_tenant: Option<u32>,
}

/// How a contract signs: HMAC-SHA256.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ContractSignatureUpsert)]
#[expect(dead_code, reason = "described, never filled")]
struct Signature {
    /// The header that carries it.
    #[schema(pattern = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
    header: String,
    /// What stands before each signature, `sha256=` for instance.
    #[serde(default)]
    #[schema(pattern = "^[!-~]*$")]
    prefix: String,
    /// How the 32 bytes are written.
    #[schema(value_type = SignatureEncoding)]
    encoding: Encoding,
    /// What is signed.
    #[schema(
        pattern = r"^([^{]|\{(id|timestamp|timestampIso|body)\})*$",
        examples("{id}.{timestamp}.{body}")
    )]
    signed_text: String,
    /// How the key is made of the secret: its bytes as they are, or `whsec_` and base64.
    #[schema(value_type = SignatureSecretForm)]
    secret: SecretFormat,
    /// Whether the header may carry several signatures while a rotation overlaps.
    #[serde(default)]
    several: bool,
}

/// Which mails go to the tenant's contact.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ContractMailsUpsert)]
#[expect(dead_code, reason = "described, never filled")]
struct Mails {
    /// When a webhook is switched off.
    #[serde(default)]
    when_disabled: bool,
    /// After this many failed attempts of one delivery, at most one a webhook and day.
    #[schema(maximum = 31)]
    warn_after: Option<u32>,
}

fn statuses() -> Array {
    status_list().build()
}

fn some_statuses() -> Array {
    status_list().min_items(Some(1)).build()
}

fn status_list() -> ArrayBuilder {
    let rule = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^([1-5]xx|[1-5][0-9]{2}(-[1-5][0-9]{2})?)$"))
        .examples(["2xx", "204", "500-599"]);
    ArrayBuilder::new()
        .items(rule)
        .description(Some("A class, a status, or a range of statuses each."))
}

/// A schedule.
pub(crate) fn delays() -> Array {
    delay_list().build()
}

/// A schedule, or null.
pub(crate) fn delays_or_null() -> Array {
    delay_list()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .build()
}

fn delay_list() -> ArrayBuilder {
    let delay = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(0))
        .maximum(Some(604_800));
    ArrayBuilder::new()
        .items(delay)
        .max_items(Some(30))
        .description(Some("The delays before the second, third, … attempt."))
}

/// The same shape with what a read adds.
impl PartialSchema for ContractResponse {
    fn schema() -> RefOr<Schema> {
        let mut schema = Put::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            let version = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .description(Some("Counts the changes; built-in contracts have none."));
            let builtin = ObjectBuilder::new()
                .schema_type(Type::Boolean)
                .description(Some("Whether it is built in and cannot be changed."));
            object
                .properties
                .insert("version".to_owned(), version.into());
            object
                .properties
                .insert("builtin".to_owned(), builtin.into());
            for (member, name) in [
                ("signature", SignatureAnswer::name()),
                ("mails", MailsAnswer::name()),
            ] {
                object
                    .properties
                    .insert(member.to_owned(), Ref::from_schema_name(name).into());
            }
            object
                .required
                .extend(["name", "builtin"].map(str::to_owned));
            object.additional_properties = None;
            object.description = Some("A contract.".to_owned());
        }
        schema
    }
}

impl ToSchema for ContractResponse {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Contract")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Put::schemas(schemas);
        schemas.push((
            SignatureAnswer::name().into_owned(),
            SignatureAnswer::schema(),
        ));
        schemas.push((MailsAnswer::name().into_owned(), MailsAnswer::schema()));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(value: &Value) -> BTreeSet<&str> {
        value
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect()
    }

    #[test]
    fn the_described_shape_is_the_domains() {
        let everything = serde_json::json!({
            "name": "all", "description": "x", "version": 3, "envelope": {}, "testEnvelope": {}, "typeNames": {"a": "A"},
            "signature": {"header": "x", "prefix": "", "encoding": "hex", "signedText": "{body}", "secret": "whsec", "several": true},
            "headers": {"X-A": "{id}"}, "timeoutSeconds": 1, "success": ["2xx"], "refused": ["4xx"], "gone": ["410"],
            "retryAfter": ["429"], "retryDelaysSeconds": [1], "jitter": 0.1, "atEnd": "disable",
            "mails": {"whenDisabled": true, "warnAfter": 4}, "httpsOnly": true, "webhooksPerTenant": 3,
        });
        let contract: Contract = serde_json::from_value(everything.clone()).unwrap();
        let written = serde_json::to_value(ContractResponse::new(&contract)).unwrap();
        assert!(serde_json::from_value::<Put>(written.clone()).is_ok());
        let schema = serde_json::to_value(ContractResponse::schema()).unwrap();
        assert_eq!(names(&schema["properties"]), names(&written));
        for (inner, schema) in [
            ("signature", Signature::schema()),
            ("mails", Mails::schema()),
        ] {
            let schema = serde_json::to_value(schema).unwrap();
            assert_eq!(names(&schema["properties"]), names(&written[inner]));
        }
    }
}
