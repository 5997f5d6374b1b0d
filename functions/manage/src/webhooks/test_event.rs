//! Trying out a webhook: an event of the chosen type is sent at once, and its outcome is the
//! answer.
//!
//! It goes the way of every delivery, through the deliveries queue and the dispatcher, which alone
//! can open secrets: what is tried out is what will happen. It is in the log as a delivery of its
//! own, is never tried again and never becomes a dead letter.

use std::collections::BTreeMap;
use std::time::Duration;

use adapters::clock::{SystemClock, now};
use adapters::telemetry;
use api::caller::{OptionalBody, TenantCaller, json};
use api::document::responses::{BodyResponses, NotFoundResponses, TenantResponses};
use api::document::schemas::{
    AttemptErrorCode, DeliveryId, EventType as Type, TenantId, WebhookId,
};
use api::problem::{Problem, ProblemBody};
use api::publishing;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::api_key::Scope;
use domain::context;
use domain::delivery::{Attempt, Delivery};
use domain::event::Event;
use domain::ports::{Clock as _, DeliveryStore as _, Fault, TaskQueue as _};
use domain::test_event::{MAX_WAIT, TestLease, TestOutcome, test_event, test_type};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::event_types::operational::entry_of;
use crate::{App, AppState, HandlerResult};

/// Between the looks at the delivery: most receivers answer at once, and who takes seconds is
/// looked at less often. A look is one read of one item.
const FIRST_PAUSE: Duration = Duration::from_millis(60);
const MAX_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// A test event to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookTest)]
pub(crate) struct Test {
    /// The type; the catalogue's example is the data. Default: `test.webhook`.
    #[schema(value_type = Option<Type>)]
    r#type: Option<String>,
    /// What the contract's envelope needs beside the data; what it leaves out comes from the
    /// webhook and the tenant, as for every event.
    #[serde(default)]
    #[schema(schema_with = publishing::context)]
    context: BTreeMap<String, Box<RawValue>>,
}

/// The result of a test event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookTestResult)]
struct TestResult {
    /// Whether the response is a success by the contract.
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    response_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    response_time_ms: Option<u128>,
    /// Why there was no success, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
    /// Why there was no response.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<AttemptErrorCode>, nullable = false)]
    error_code: Option<&'static str>,
    /// The delivery, for more in the log.
    #[schema(value_type = DeliveryId)]
    delivery_id: String,
}

/// Send a test event
///
/// Sends it at once, like every delivery but with a timeout of up to 20 seconds and without
/// retries. The request waits up to 25 seconds for the result. A webhook can have one test event in
/// progress, a tenant three; one that never ended counts for 30 seconds. Scope `webhooks:write`.
#[utoipa::path(
    post,
    path = "/v1/tenants/{tenantId}/webhooks/{webhookId}/test",
    operation_id = "webhooks.test",
    tag = "webhooks",
    params(
        ("tenantId" = TenantId, Path, description = "Whose webhook."),
        ("webhookId" = WebhookId, Path, description = "Which webhook."),
    ),
    request_body = Test,
    responses(
        (status = 200, description = "The result.", body = TestResult),
        (
            status = 409,
            description = "A test event of this webhook is in progress, or three of its tenant are (`test_under_way`). `Retry-After` says for how many seconds at most.",
            body = ProblemBody, content_type = "application/problem+json"
        ),
        (status = 422, description = "The type is invalid (`invalid_event_type`), or the context is (`invalid_value`).", body = ProblemBody, content_type = "application/problem+json"),
        BodyResponses,
        NotFoundResponses,
        TenantResponses,
    )
)]
pub(crate) async fn test(
    caller: TenantCaller,
    Path((_, id)): Path<(String, String)>,
    State(app): App,
    OptionalBody(body): OptionalBody<Test>,
) -> HandlerResult {
    app.authorize(&caller, Scope::WebhooksWrite).await?;
    let webhook = app.own_webhook(&caller, &id).await?;
    let event_type = test_type(body.r#type.as_deref())?;
    let example = app
        .config
        .event_type(&event_type)
        .await?
        .or_else(|| {
            let is_operators = app.is_operator_tenant(&caller.tenant);
            is_operators.then(|| entry_of(&event_type)).flatten()
        })
        .and_then(|entry| entry.example);
    let contract = app.contract_in_use(&webhook.contract).await?;
    let said = body.context.iter().map(|(n, raw)| (n.clone(), &**raw));
    let context = context::of_event(said)?;
    let lease = TestLease::new(&webhook.id, SystemClock.new_owner(), now());
    app.config
        .begin_test(&caller.tenant, &lease, now())
        .await?
        .map_err(|(refused, seconds)| Problem::Wait(refused.into(), seconds))?;
    let key = SystemClock.new_ulid();
    let event = test_event(caller.tenant.clone(), key, event_type, example, context);
    let delivery = Delivery::new(&event, &webhook.id);
    let tried = app.try_out(&event, &delivery).await;
    // Without an outcome it is still under way, for as long as its lease says.
    if !matches!(tried, Ok(None))
        && let Err(fault) = app.config.end_test(&caller.tenant, &lease, now()).await
    {
        telemetry::fault("test_event.lease_not_ended", &fault, &serde_json::json!({}));
    }
    let last = tried?;
    let outcome = last.as_ref().map(|attempt| &attempt.outcome);
    let result = TestOutcome::of(outcome, &contract, &webhook);
    let answer = TestResult {
        success: result.success,
        response_code: result.status,
        response_time_ms: last.map(|attempt| attempt.duration.as_millis()),
        error: result.error,
        error_code: result.error_code,
        delivery_id: delivery.id.to_string(),
    };
    Ok(json(StatusCode::OK, answer))
}

impl AppState {
    /// Sends a test event and waits for what comes of it, as long as its caller can.
    async fn try_out(&self, event: &Event, delivery: &Delivery) -> Result<Option<Attempt>, Fault> {
        self.store
            .put_event(event, &[], &SystemClock.new_owner())
            .await?;
        self.store
            .create_delivery(delivery, None, &SystemClock.new_owner())
            .await?;
        self.deliveries
            .schedule(&delivery.task(), Duration::ZERO)
            .await?;

        let end = now().plus(MAX_WAIT);
        let mut pause = FIRST_PAUSE;
        loop {
            SystemClock.sleep(pause).await;
            pause = MAX_POLL_INTERVAL.min(pause * 3 / 2);
            let found = self.store.get_delivery(&delivery.tenant, &delivery.id);
            match found.await? {
                Some(found) if found.is_terminal() => return Ok(found.last_attempt),
                _ if now() >= end => return Ok(None),
                _ => {}
            }
        }
    }
}
