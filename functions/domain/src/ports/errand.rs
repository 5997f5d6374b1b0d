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
