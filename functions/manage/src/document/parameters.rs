//! Query parameters of the lists. [`crate::lists::ListQuery`] reads them by name, so these types are for the document alone; a test compares the names.
#![expect(dead_code, reason = "described, never filled: see above")]

use api::document::schemas::{DeadLetterReason, DeliveryStatus, EventType, Timestamp, WebhookId};
use utoipa::IntoParams;

/// How much of a list, and from where.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// How many entries at most.
    #[param(minimum = 1, maximum = 250, default = 50)]
    limit: Option<u16>,
    /// The last answer's `nextCursor`: the list goes on there. It serves this list with these filters only.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// Which deliveries.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct Deliveries {
    /// Those that stand so.
    #[param(value_type = Option<DeliveryStatus>)]
    status: Option<String>,
    /// Those to this webhook, a deleted one as well.
    #[param(value_type = Option<WebhookId>)]
    webhook_id: Option<String>,
    /// Those of events of this type.
    #[param(value_type = Option<EventType>)]
    r#type: Option<String>,
    /// Those of events accepted at or after this time.
    #[param(value_type = Option<Timestamp>)]
    since: Option<String>,
    /// Those of events accepted before this time.
    #[param(value_type = Option<Timestamp>)]
    until: Option<String>,
}

/// Which dead letters.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct DeadLetters {
    /// Those of this webhook, a deleted one as well.
    #[param(value_type = Option<WebhookId>)]
    webhook_id: Option<String>,
    /// Those of events of this type.
    #[param(value_type = Option<EventType>)]
    r#type: Option<String>,
    /// Those that died of this.
    #[param(value_type = Option<DeadLetterReason>)]
    reason: Option<String>,
    /// Those that died at or after this time.
    #[param(value_type = Option<Timestamp>)]
    since: Option<String>,
    /// Those that died before this time.
    #[param(value_type = Option<Timestamp>)]
    until: Option<String>,
}

/// Which deliveries are counted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Counted {
    /// Those of events accepted at or after this time; a day ago, if nothing is said.
    #[param(value_type = Option<Timestamp>)]
    since: Option<String>,
}
