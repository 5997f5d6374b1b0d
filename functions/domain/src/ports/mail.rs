//! Mails to a tenant's contact.

use std::future::Future;

use crate::ids::{DeliveryId, TenantId, WebhookId};

/// Mails to a tenant's contact.
pub trait Mailer {
    /// Sends one mail, at most once. A mail that cannot be sent is a line in the log, not a fault:
    /// events are more important.
    fn send(&self, to: &str, notification: &Notification) -> impl Future<Output = ()> + Send;
}

/// A mail to the tenant's contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Why it is sent.
    pub kind: NotificationKind,
    /// Whose webhook.
    pub tenant: TenantId,
    /// Which.
    pub webhook: WebhookId,
    /// Where it delivers to.
    pub url: String,
    /// The delivery that it is about.
    pub delivery: DeliveryId,
    /// How many attempts failed.
    pub attempts: u32,
    /// What the last one got, in words.
    pub last: String,
}

/// Why a mail is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationKind {
    /// The webhook was switched off.
    Disabled,
    /// A delivery nears its end.
    Warning,
}
