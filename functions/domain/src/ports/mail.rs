//! Mails to a tenant's contact.

use std::future::Future;

use crate::ids::{DeliveryId, TenantId, WebhookId};

/// Mails to a tenant's contact.
pub trait Mailer {
    /// Sends one mail, at most once. A mail that cannot be sent is a line in the log, not a fault: events are more important.
    fn mail(&self, to: &str, letter: &Letter) -> impl Future<Output = ()> + Send;
}

/// What a mail says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// What for.
    pub occasion: Occasion,
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

/// What a mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// The webhook was switched off.
    Disabled,
    /// A delivery nears its end.
    Warning,
}
