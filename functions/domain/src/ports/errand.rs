//! What a message of the deliveries queue or of the slow lane asks for.

use serde::{Deserialize, Serialize};

use crate::ids::{DeliveryId, TenantId};

/// One delivery to be tried. Ids only: payloads stay in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Errand {
    /// Whose delivery.
    pub tenant_id: TenantId,
    /// Which.
    pub delivery_id: DeliveryId,
    /// What for.
    #[serde(flatten)]
    pub task: Task,
    /// Whether it is done by whoever reads it, however slow its webhook: it lies on the slow lane already, or somebody waits for it (a test event).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stays: bool,
}

/// The two reasons to try a delivery again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Task {
    /// The automatic attempt of this ticket.
    Ticket(u32),
    /// The manual attempt of this token.
    Manual(String),
}

impl Errand {
    /// Whether a slow webhook's may be put on the slow lane first. What was asked for by hand does not wait behind others.
    #[must_use]
    pub fn may_be_sidetracked(&self) -> bool {
        !self.stays && matches!(self.task, Task::Ticket(_))
    }
}
