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

impl Errand {
    /// The automatic attempt of a ticket.
    #[must_use]
    pub const fn scheduled(tenant_id: TenantId, delivery_id: DeliveryId, ticket: u32) -> Self {
        Self {
            tenant_id,
            delivery_id,
            task: Task::Ticket(ticket),
        }
    }

    /// The manual attempt of a token.
    #[must_use]
    pub const fn manual(tenant_id: TenantId, delivery_id: DeliveryId, token: String) -> Self {
        Self {
            tenant_id,
            delivery_id,
            task: Task::Manual(token),
        }
    }
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
