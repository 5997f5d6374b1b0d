//! Tenants and webhooks.

use std::future::Future;
use std::sync::Arc;

use super::Fault;
use crate::delivery::DisableReason;
use crate::event_type::EventType;
use crate::ids::TenantId;
use crate::tenant::{TenantSnapshot, WebhookVersion};
use crate::time::Time;

/// Tenants and webhooks: the dispatcher's reads, and its few writes.
pub trait ConfigStore {
    /// A tenant and its subscriptions, read no earlier than `not_older_than` or, if that is long
    /// ago, within the last ten seconds.
    fn tenant_snapshot(
        &self,
        tenant: &TenantId,
        not_older_than: Time,
    ) -> impl Future<Output = Result<Option<Arc<TenantSnapshot>>, Fault>> + Send;
    /// Switches a webhook off if it still has this version. True if it was active and this call
    /// switched it off.
    fn switch_off(
        &self,
        configuration: &WebhookVersion,
        reason: DisableReason,
        now: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Records that the tenant is warned about a webhook that still has this version. True if no
    /// warning was recorded within the last day.
    fn record_warning_if_due(
        &self,
        configuration: &WebhookVersion,
        now: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// The display name of a type in the operator's catalogue.
    fn type_name(
        &self,
        event_type: &EventType,
    ) -> impl Future<Output = Result<Option<String>, Fault>> + Send;
    /// Marks a webhook as slow if it still has this version. True if it was not marked and this
    /// call marked it.
    fn mark_slow(
        &self,
        configuration: &WebhookVersion,
        now: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Marks a webhook as failing since a time, if it still has this version. True if it was not
    /// marked and this call marked it.
    fn mark_failing(
        &self,
        configuration: &WebhookVersion,
        since: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Removes the mark of a webhook that fails since this time. False if another call removed it,
    /// or if the webhook has another mark or another version.
    fn unmark_failing(
        &self,
        configuration: &WebhookVersion,
        since: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Removes the slow mark set at this time. False if another call removed it, or if the webhook
    /// has a newer mark or another version.
    fn unmark_slow(
        &self,
        configuration: &WebhookVersion,
        since: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
}
