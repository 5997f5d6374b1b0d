//! Mails to a tenant's contact.

use std::future::Future;

use crate::ids::{DeliveryId, TenantId, WebhookId};

/// Mails to a tenant's contact.
pub trait Mailer {
    /// Sends one mail, at most once. A failure is only logged, not a fault: events are more
    /// important.
    fn send(&self, to: &str, notification: &Notification) -> impl Future<Output = ()> + Send;
}

/// A mail to the tenant's contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Why it is sent.
    pub kind: NotificationKind,
    /// The webhook's tenant.
    pub tenant: TenantId,
    /// The webhook.
    pub webhook: WebhookId,
    /// The webhook's URL.
    pub url: String,
    /// The delivery that caused it.
    pub delivery: DeliveryId,
    /// How many attempts failed.
    pub attempts: u32,
    /// The outcome of the last attempt, in words.
    pub last: String,
}

/// Why a mail is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationKind {
    /// The webhook was switched off.
    Disabled,
    /// A delivery has few attempts left.
    Warning,
}
