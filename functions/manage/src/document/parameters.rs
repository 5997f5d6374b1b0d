//! Query parameters of the lists. [`crate::lists::ListQuery`] reads them by name, so these types
//! are for the document alone; a test compares the names.
#![expect(dead_code, reason = "described, never filled: see above")]

use api::document::schemas::{
    AttemptTrigger, ContractName, DeadLetterReason, DeliveryStatus, EventFilter, EventId,
    ResponseCodes, StatsBucketLength, TenantId, Timestamp, WebhookId, WebhookState,
};
use utoipa::IntoParams;

/// How much of a list, and from where.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// The maximum number of entries.
    #[param(minimum = 1, maximum = 250, default = 50)]
    limit: Option<u16>,
    /// The `nextCursor` of the previous response. It is valid only for the same list with the same
    /// filters; `limit` may change. A page may be short or empty and still have a `nextCursor`: the
    /// list ends where there is none.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// Whether something is made.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct Trial {
    /// Checks the request, and creates nothing.
    #[param(default = false)]
    dry_run: Option<bool>,
}

/// Which webhooks.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Webhooks {
    /// Only in one of these states.
    #[param(value_type = Option<Vec<WebhookState>>, style = Form, explode = false, min_items = 1)]
    state: Option<String>,
    /// Only with this contract.
    #[param(value_type = Option<ContractName>)]
    contract: Option<String>,
}

/// Which webhooks that are in trouble.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Troubled {
    /// Only in one of these states: `disabled`, `failing`, `slow`. Default: all three.
    #[param(value_type = Option<Vec<WebhookState>>, style = Form, explode = false, min_items = 1)]
    state: Option<String>,
}

/// Which deliveries.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct Deliveries {
    /// Only with one of these statuses.
    #[param(value_type = Option<Vec<DeliveryStatus>>, style = Form, explode = false, min_items = 1)]
    status: Option<String>,
    /// Only to this webhook, which may be deleted.
    #[param(value_type = Option<WebhookId>)]
    webhook_id: Option<String>,
    /// Only of the events that have had this id.
    #[param(value_type = Option<EventId>)]
    event_id: Option<String>,
    /// Only of events of this type, or of a component's types (`item.*`).
    #[param(value_type = Option<EventFilter>)]
    r#type: Option<String>,
    /// Only if the last attempt got a response with one of these status codes (`503`) or of one of
    /// these classes (`5xx`).
    #[param(value_type = Option<Vec<ResponseCodes>>, style = Form, explode = false, min_items = 1)]
    response_code: Option<String>,
    /// Only if the last attempt was asked for in one of these ways.
    #[param(value_type = Option<Vec<AttemptTrigger>>, style = Form, explode = false, min_items = 1)]
    trigger: Option<String>,
    /// Only of events accepted at or after this time.
    #[param(value_type = Option<Timestamp>)]
    since: Option<String>,
    /// Only of events accepted before this time.
    #[param(value_type = Option<Timestamp>)]
    until: Option<String>,
}

/// Which events.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Events {
    /// Only of this type, or of a component's types (`item.*`).
    #[param(value_type = Option<EventFilter>)]
    r#type: Option<String>,
    /// Only if a webhook gets them (`true`), or if no webhook does (`false`).
    matched: Option<bool>,
    /// Only those accepted at or after this time.
    #[param(value_type = Option<Timestamp>)]
    since: Option<String>,
    /// Only those accepted before this time.
    #[param(value_type = Option<Timestamp>)]
    until: Option<String>,
}

/// Whose, for the operator.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct OfTenant {
    /// Only of this tenant, which may be deleted.
    #[param(value_type = Option<TenantId>)]
    tenant_id: Option<String>,
}

/// Which dead letters.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct DeadLetters {
    /// Only of this webhook, which may be deleted.
    #[param(value_type = Option<WebhookId>)]
    webhook_id: Option<String>,
    /// Only of events of this type, or of a component's types (`item.*`).
    #[param(value_type = Option<EventFilter>)]
    r#type: Option<String>,
    /// Only with one of these reasons.
    #[param(value_type = Option<Vec<DeadLetterReason>>, style = Form, explode = false, min_items = 1)]
    reason: Option<String>,
    /// Only those that died at or after this time.
    #[param(value_type = Option<Timestamp>)]
    since: Option<String>,
    /// Only those that died before this time.
    #[param(value_type = Option<Timestamp>)]
    until: Option<String>,
}

/// Which deliveries are counted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Counted {
    /// Only of events accepted at or after this time. Default: a day before `until`.
    #[param(value_type = Option<Timestamp>)]
    since: Option<String>,
    /// Only of events accepted before this time. Default: now.
    #[param(value_type = Option<Timestamp>)]
    until: Option<String>,
    /// Also counts in parts of the time: 5 minutes, an hour or a day long, and 1,000 at most. They
    /// begin at multiples of their length, in UTC.
    #[param(value_type = Option<StatsBucketLength>)]
    bucket: Option<String>,
}

/// Which webhooks are explained.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct Explained {
    /// Only this webhook.
    #[param(value_type = Option<WebhookId>)]
    webhook_id: Option<String>,
}
