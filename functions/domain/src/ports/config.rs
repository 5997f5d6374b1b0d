//! Tenants and webhooks.

use std::future::Future;
use std::sync::Arc;

use super::Fault;
use crate::delivery::DisableReason;
use crate::event_type::EventType;
use crate::ids::TenantId;
use crate::tenant::{TenantSnapshot, WebhookVersion};
use crate::time::Time;

/// Tenants and webhooks, as the dispatcher reads them and what it writes of them.
pub trait ConfigStore {
    /// A tenant and its subscriptions, read no earlier than `not_older_than` or, if that is long
    /// ago, within the last ten seconds.
    fn tenant_snapshot(
        &self,
        tenant: &TenantId,
        not_older_than: Time,
    ) -> impl Future<Output = Result<Option<Arc<TenantSnapshot>>, Fault>> + Send;
    /// Switches a webhook off if it is still of this version. True if it was on and this call did
    /// it.
    fn switch_off(
        &self,
        configuration: &WebhookVersion,
        reason: DisableReason,
        now: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Marks that the tenant is warned of a webhook that is still of this version. True if nobody
    /// was warned within the last day.
    fn record_warning_if_due(
        &self,
        configuration: &WebhookVersion,
        now: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// What the operator's catalogue calls a type.
    fn type_name(
        &self,
        event_type: &EventType,
    ) -> impl Future<Output = Result<Option<String>, Fault>> + Send;
    /// Marks a webhook as slow if it is still of this version. True if it was not marked, and this
    /// call did it.
    fn mark_slow(
        &self,
        configuration: &WebhookVersion,
        now: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
    /// Takes the mark of this time away. False if another call did, or the webhook has been marked
    /// anew or is of another version.
    fn unmark_slow(
        &self,
        configuration: &WebhookVersion,
        since: Time,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;
}
