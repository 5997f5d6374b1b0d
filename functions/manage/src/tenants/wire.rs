//! Tenants as they are written and shown.

use api::caller::object_field;
use api::document::schemas::{AnswerOf, ContractName, TenantId as Id, Timestamp};
use api::publishing;
use domain::context::Given;
use domain::ids::TenantId;
use domain::tenant::{Limits, MAX_PUBLISHERS, PutTenant, Tenant};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, Type};

use crate::context;

/// A tenant to create or replace.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TenantUpsert)]
pub(crate) struct Put {
    /// Ignored, so that a tenant can be sent back as it was read. So are the times.
    #[serde(default)]
    #[schema(read_only, value_type = Value)]
    id: IgnoredAny,
    #[serde(default)]
    #[schema(read_only, value_type = Value)]
    created_at: IgnoredAny,
    #[serde(default)]
    #[schema(read_only, value_type = Value)]
    updated_at: IgnoredAny,
    /// For people.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// The contract of webhooks without one. Default: `standard`.
    #[schema(value_type = Option<ContractName>)]
    contract: Option<String>,
    /// Who gets a mail when a webhook is disabled.
    #[schema(max_length = 256, pattern = "@")]
    contact_email: Option<String>,
    /// IAM unique ids (the part of SQS's `SenderId` before the colon) that are allowed to publish
    /// for it on the events queue.
    #[serde(default)]
    #[schema(schema_with = publishers)]
    publishers: Vec<String>,
    /// Limits that differ from the defaults.
    #[serde(default, deserialize_with = "object_field")]
    #[schema(value_type = OwnLimits)]
    limits: Limits,
    /// What envelopes find where neither the event nor the webhook says it.
    #[serde(default)]
    #[schema(schema_with = publishing::own_context)]
    context: Given,
}

impl Put {
    pub(super) fn into_put(self) -> PutTenant {
        let Self {
            name,
            contract,
            contact_email,
            publishers,
            limits,
            context,
            id: IgnoredAny,
            created_at: IgnoredAny,
            updated_at: IgnoredAny,
        } = self;
        PutTenant {
            name,
            contract,
            contact_email,
            publishers,
            limits,
            context,
        }
    }
}

/// The changes, as a JSON merge patch: null gives a member its default.
/// [`domain::tenant::TenantPatch`] reads it; this is its shape.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TenantUpdate, description = "The changes, as a JSON merge patch: null gives a member its default.")]
#[expect(dead_code, reason = "described, never filled: see above")]
pub(crate) struct Change {
    /// Ignored, so that a tenant can be sent back as it was read.
    #[serde(default)]
    #[schema(read_only)]
    id: Value,
    /// Ignored.
    #[serde(default)]
    #[schema(read_only)]
    created_at: Value,
    /// Ignored.
    #[serde(default)]
    #[schema(read_only)]
    updated_at: Value,
    /// For people.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// The contract of webhooks without one.
    #[schema(value_type = Option<ContractName>)]
    contract: Option<String>,
    /// Who gets a mail when a webhook is disabled.
    #[schema(max_length = 256, pattern = "@")]
    contact_email: Option<String>,
    /// IAM unique ids that are allowed to publish for it on the events queue: the whole list.
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    publishers: Option<Vec<String>>,
    #[schema(value_type = Option<OwnLimitsPatch>)]
    limits: Option<Limits>,
    /// What envelopes find where neither the event nor the webhook says it. Null removes a name;
    /// null for the whole member removes all.
    #[serde(default)]
    #[schema(schema_with = publishing::own_context_or_null)]
    context: Option<Given>,
}

/// A tenant's own limits; null for a default.
#[expect(dead_code, reason = "described, never filled: see above")]
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TenantLimitsUpdate)]
pub(crate) struct OwnLimitsPatch {
    /// The maximum number of webhooks.
    #[schema(maximum = 10_000)]
    webhooks: Option<u32>,
    /// The maximum number of API requests per minute.
    #[schema(maximum = 1_000_000)]
    requests_per_minute: Option<u32>,
}

fn publishers() -> Array {
    let one = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[!-9;-~]{1,256}$"));
    ArrayBuilder::new()
        .items(one)
        .max_items(Some(MAX_PUBLISHERS))
        .description(Some("IAM unique ids (the part of SQS's `SenderId` before the colon) that are allowed to publish for it on the events queue."))
        .build()
}

/// A tenant's own limits.
#[expect(
    dead_code,
    reason = "the shape of the domain's Limits for the document"
)]
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TenantLimitsUpsert)]
pub(crate) struct OwnLimits {
    /// The maximum number of webhooks. Default: the contract's, or 25.
    #[schema(maximum = 10_000)]
    webhooks: Option<u32>,
    /// The maximum number of API requests per minute. Default: 1,000.
    #[schema(maximum = 1_000_000)]
    requests_per_minute: Option<u32>,
}

type LimitsAnswer = AnswerOf<OwnLimits>;

/// A tenant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tenant)]
pub(crate) struct TenantResponse {
    #[schema(value_type = Id)]
    id: TenantId,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    /// The contract of webhooks without one.
    #[schema(value_type = ContractName)]
    contract: String,
    /// Who gets a mail when a webhook is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    contact_email: Option<String>,
    /// IAM unique ids that are allowed to publish for it on the events queue.
    publishers: Vec<String>,
    /// Limits that differ from the defaults.
    #[schema(value_type = LimitsAnswer)]
    limits: Limits,
    /// What envelopes find where neither the event nor the webhook says it.
    #[serde(skip_serializing_if = "context::ContextResponse::is_empty")]
    #[schema(schema_with = publishing::own_context, required = false)]
    context: context::ContextResponse,
    #[schema(value_type = Timestamp)]
    created_at: String,
    #[schema(value_type = Timestamp)]
    updated_at: String,
}

impl TenantResponse {
    pub(super) fn new(tenant: &Tenant) -> Self {
        Self {
            id: tenant.id.clone(),
            name: tenant.name.clone(),
            contract: tenant.contract.clone(),
            contact_email: tenant.contact_email.clone(),
            publishers: tenant.publishers.clone(),
            limits: tenant.limits,
            context: context::ContextResponse(tenant.context.clone()),
            created_at: tenant.created_at.rfc3339(),
            updated_at: tenant.updated_at.rfc3339(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::tenant::{PATCHED, READ_ONLY};
    use utoipa::PartialSchema as _;

    use super::*;

    #[test]
    fn the_document_has_every_member_that_a_patch_may_name() {
        let members = |schema: Value| -> BTreeSet<String> {
            schema["properties"]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect()
        };
        let described = members(serde_json::to_value(Change::schema()).unwrap());
        let named: Vec<_> = [&PATCHED[..], &READ_ONLY[..]].concat();
        assert_eq!(described, named.iter().map(ToString::to_string).collect());
        let shown = members(serde_json::to_value(TenantResponse::schema()).unwrap());
        assert!(shown.is_subset(&described), "what is read can be sent back");
    }
}
