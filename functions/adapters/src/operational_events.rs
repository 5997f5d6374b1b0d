//! Publishes operational events: as events of the operator's tenant, over the events queue like any
//! publisher, and on an `EventBridge` bus.

use aws_config::SdkConfig;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use domain::ids::TenantId;
use domain::operational_event::OperationalEvent;
use domain::ports::{Fault, OrFault as _, Stage};
use serde_json::json;

use crate::aws_error::OrAwsFault as _;
use crate::clients;
use crate::config::ConfigTable;
use crate::telemetry;

/// How many events one request of SQS and of `EventBridge` takes.
pub const MAX_BATCH: usize = 10;

/// The `source` of the events on a bus.
const SOURCE: &str = "postel";

/// The tenant that gets the events.
pub struct OperatorTenant {
    /// Its id.
    pub id: TenantId,
    /// Where it is looked up.
    pub config: ConfigTable,
    /// The events queue's URL.
    pub queue_url: String,
}

/// Where operational events go.
pub struct OperationalEvents {
    sqs: aws_sdk_sqs::Client,
    event_bridge: aws_sdk_eventbridge::Client,
    tenant: Option<OperatorTenant>,
    bus: Option<String>,
}

impl OperationalEvents {
    /// To a tenant, to a bus, or to both.
    #[must_use]
    pub fn new(aws: &SdkConfig, tenant: Option<OperatorTenant>, bus: Option<String>) -> Self {
        Self {
            sqs: clients::sqs(aws),
            event_bridge: clients::event_bridge(aws),
            tenant,
            bus,
        }
    }

    /// The operator's tenant.
    #[must_use]
    pub fn operator(&self) -> Option<&TenantId> {
        self.tenant.as_ref().map(|tenant| &tenant.id)
    }

    /// Publishes at most [`MAX_BATCH`] events. Repeating is safe for the tenant, since each event
    /// has its own id: the dispatcher skips an id that it has seen. A bus gets the event again,
    /// with the same id in it.
    ///
    /// # Errors
    /// If one of them may not have arrived. The queue goes first.
    pub async fn publish(&self, events: &[OperationalEvent]) -> Result<(), Fault> {
        if let Some(tenant) = &self.tenant {
            self.send(tenant, events).await?;
        }
        if let Some(bus) = &self.bus {
            self.put(bus, events).await?;
        }
        Ok(())
    }

    /// Nothing is sent for a tenant that does not exist: the dispatcher would reject each message,
    /// and each would become a dead letter.
    async fn send(&self, to: &OperatorTenant, events: &[OperationalEvent]) -> Result<(), Fault> {
        if to.config.tenant(&to.id).await?.is_none() {
            let why = "The tenant that OperatorTenant names does not exist. Create it, and it gets the events from then on.";
            let fields = json!({"tenant_id": to.id, "events": events.len(), "reason": why});
            telemetry::info("operational_events.dropped", &fields);
            return Ok(());
        }
        let mut request = self.sqs.send_message_batch().queue_url(&to.queue_url);
        for (number, event) in events.iter().enumerate() {
            let message = json!({
                "tenantId": to.id,
                "id": event.id,
                "type": event.kind.as_str(),
                "timestamp": event.time.rfc3339(),
                "data": event.body,
            });
            let entry = SendMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .message_body(message.to_string())
                .message_group_id(to.id.as_str())
                .build()
                .or_bug(Stage::Enqueue)?;
            request = request.entries(entry);
        }
        let answer = Box::pin(request.send()).await.or_fault(Stage::Enqueue)?;
        match answer.failed.first() {
            Some(refused) => Err(Fault::transient(Stage::Enqueue, format!("{refused:?}"))),
            None => Ok(()),
        }
    }

    /// A request succeeds even if entries of it failed (Amazon EventBridge API, `PutEvents`).
    async fn put(&self, bus: &str, events: &[OperationalEvent]) -> Result<(), Fault> {
        let mut request = self.event_bridge.put_events();
        for event in events {
            request = request.entries(
                PutEventsRequestEntry::builder()
                    .event_bus_name(bus)
                    .source(SOURCE)
                    .detail_type(event.kind.as_str())
                    .time(aws_sdk_eventbridge::primitives::DateTime::from_millis(
                        event.time.millis(),
                    ))
                    .detail(event.body.to_string())
                    .build(),
            );
        }
        let answer = Box::pin(request.send()).await.or_fault(Stage::Enqueue)?;
        if answer.failed_entry_count == 0 {
            return Ok(());
        }
        let failed = answer.entries().iter().find(|e| e.error_code().is_some());
        Err(Fault::transient(Stage::Enqueue, format!("{failed:?}")))
    }
}
