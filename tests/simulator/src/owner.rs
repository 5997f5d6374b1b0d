//! An owner's changes of a webhook during deliveries, as the management API makes them: it reads
//! the webhook, changes it with the domain's rules, and writes it on condition that it is
//! unchanged. An owner who gets no response asks again.

use std::time::Duration;

use domain::author::Author;
use domain::ids::{TenantId, WebhookId};
use domain::ports::{Clock as _, Fault, Stage};
use domain::tenant::Webhook;
use domain::time::Time;

use crate::faults::Guard;
use crate::ports::Ports;

/// How often the API tries a change against other writers at the same moment.
const MAX_RACES: u32 = 3;

/// One change of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Another URL.
    Move,
    /// A new secret. The older ones end after this many seconds.
    Rotate(u64),
    /// The older secrets end now.
    EndPrevious,
    /// It is switched on or off.
    Switch(bool),
    /// Another name, which attempts do not depend on.
    Rename,
    Delete,
}

/// A change that an owner requests until a response comes.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) tenant: TenantId,
    pub(crate) webhook: WebhookId,
    pub(crate) change: Change,
    /// Makes its URL, secret or name unique.
    pub(crate) number: usize,
}

/// The URL of a webhook after the wish with this number; 0 for the first URL.
pub(crate) fn url(id: &WebhookId, number: usize) -> String {
    format!("https://receiver.example/{id}/{number}")
}

/// A secret in every contract's form: 24 bytes in base64.
pub(crate) fn secret(number: usize) -> String {
    format!("whsec_{number:032}")
}

impl Wish {
    /// The changed webhook, and the time from which the older secrets' ends are counted; `None` if
    /// nothing changes.
    fn applied(&self, before: &Webhook, now: Time, keeps_older: bool) -> Option<Webhook> {
        let mut after = before.clone();
        match self.change {
            Change::Move => after.url = url(&self.webhook, self.number),
            Change::Rotate(overlap) => {
                let overlap = Duration::from_secs(overlap);
                after.secrets = before
                    .secrets
                    .rotated(secret(self.number), now, overlap, true);
                if !keeps_older {
                    after.secrets = after.secrets.without_previous();
                }
            }
            Change::EndPrevious => {
                after.secrets = before.secrets.without_previous();
                if after.secrets == before.secrets {
                    return None;
                }
            }
            Change::Switch(on) => {
                (after.active, after.disabled) = (on, before.disabled.filter(|_| !on))
            }
            Change::Rename => after.name = Some(self.number.to_string()),
            Change::Delete => {}
        }
        Some(after.replacing(before, &Author::Postel, now))
    }
}

/// Makes a change, or finds nothing to change.
pub(crate) async fn make(ports: &Ports, wish: &Wish) -> Result<(), Fault> {
    if wish.change == Change::Delete {
        return ports.delete_webhook(wish).await;
    }
    let keeps_older = ports.world().has(Guard::RotationKeepsOlderSecrets);
    for _ in 0..MAX_RACES {
        let Some(before) = ports.webhook(wish).await? else {
            return Ok(());
        };
        let now = ports.now();
        let Some(after) = wish.applied(&before, now, keeps_older) else {
            return Ok(());
        };
        if ports.put_webhook(wish, &before, &after, now).await? {
            return Ok(());
        }
    }
    Err(Fault::transient(
        Stage::WriteConfig,
        "others changed the webhook",
    ))
}
