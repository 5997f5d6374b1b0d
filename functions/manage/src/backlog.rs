//! What waits in the queues of the stack, for the operator.

use adapters::backlog::QueueDepth;
use adapters::clock::now;
use adapters::env;
use adapters::settings::{SettingsError, required};
use api::caller::{AuthenticatedCaller, json};
use api::document::responses::OperatorResponses;
use api::document::schemas::{
    DeliveryId as Delivery, QUEUES, QueueName, TenantId as Owner, Timestamp,
};
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::{DeliveryId, TenantId};
use domain::ports::DeliveryTask;
use domain::time::Time;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{App, HandlerResult};

/// The URLs of [`QUEUES`], in their order.
pub(crate) fn urls() -> Result<[String; QUEUES.len()], SettingsError> {
    Ok([
        required(env::EVENTS_QUEUE_URL)?,
        required(env::DELIVERIES_QUEUE_URL)?,
        required(env::SLOW_QUEUE_URL)?,
        required(env::JOBS_QUEUE_URL)?,
        required(env::EVENTS_DEAD_LETTER_QUEUE_URL)?,
        required(env::DELIVERIES_DEAD_LETTER_QUEUE_URL)?,
    ])
}

/// What waits in the stack. Costs one request to SQS for each queue, and 64 read units.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Backlog)]
pub(crate) struct BacklogResponse {
    queues: Vec<QueueResponse>,
    /// The delivery that has been due for the longest. Absent if none is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    oldest_due: Option<OldestDue>,
}

/// How many messages a queue has. SQS counts approximately.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QueueBacklog)]
pub(crate) struct QueueResponse {
    #[schema(value_type = QueueName)]
    name: &'static str,
    /// How many can be received now.
    waiting: u64,
    /// How many a function has received and not finished.
    in_flight: u64,
    /// How many are retries or steps of redrives whose time has not come.
    delayed: u64,
}

/// A delivery whose next attempt is due.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OldestDue {
    #[schema(value_type = Owner)]
    tenant_id: TenantId,
    #[schema(value_type = Delivery)]
    delivery_id: DeliveryId,
    /// Since when. The sweeper sends a message for a delivery that has been due for minutes, and
    /// sets this time ten minutes later.
    #[schema(value_type = Timestamp)]
    due_at: String,
}

/// Get the backlog
///
/// Says how many messages wait in each queue, and which delivery has been due for the longest. For
/// the operator.
#[utoipa::path(
    get,
    path = "/v1/backlog",
    operation_id = "backlog.get",
    tag = "operator",
    responses((status = 200, description = "The backlog.", body = BacklogResponse), OperatorResponses)
)]
pub(crate) async fn get(
    AuthenticatedCaller(principal): AuthenticatedCaller,
    State(app): App,
) -> HandlerResult {
    principal.is_operator()?;
    let (depths, oldest) = tokio::try_join!(app.backlog.depths(), app.store.oldest_due(now()))?;
    Ok(json(StatusCode::OK, BacklogResponse::new(&depths, oldest)))
}

impl BacklogResponse {
    fn new(depths: &[QueueDepth], oldest: Option<(DeliveryTask, Time)>) -> Self {
        let queues = QUEUES.into_iter().zip(depths);
        Self {
            queues: queues
                .map(|(name, depth)| QueueResponse {
                    name,
                    waiting: depth.waiting,
                    in_flight: depth.in_flight,
                    delayed: depth.delayed,
                })
                .collect(),
            oldest_due: oldest.map(|(task, since)| OldestDue {
                tenant_id: task.tenant_id,
                delivery_id: task.delivery_id,
                due_at: since.rfc3339(),
            }),
        }
    }
}
