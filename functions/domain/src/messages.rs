//! The JSON messages between the functions over SQS: each has one type here, for its writers and
//! its readers.
//!
//! | queue | message | written by | read by |
//! |---|---|---|---|
//! | events | [`StoredEventMessage`] | publish, manage, redriver | dispatcher |
//! | deliveries, slow lane | [`DeliveryTask`] | dispatcher, manage, redriver, sweeper, schedules | dispatcher, dlq |
//! | deliveries | [`EarlyTask`] | dispatcher | dispatcher; dlq as a [`DeliveryTask`] |
//! | jobs | [`RedriveJobMessage`] | manage, redriver, sweeper | redriver, dlq |
//!
//! Of a dead message, dlq, manage and redriver read only the ids: [`NamedEvent`].
//!
//! A message may carry the number of its format as `v`: [`crate::format`].
//!
//! Tenants also send to the events queue, so its messages are parsed with [`crate::strict_json`]:
//! an object, and no member twice. Only the functions and the scheduler send to the other queues.

use serde::{Deserialize, Serialize};

use crate::ids::{DeliveryId, TenantId};
use crate::ulid::Ulid;

/// A stored event that must be delivered. It has ids only: the data stays in the log. A forged
/// message does no harm: its sender is checked like every other, and existing deliveries are
/// skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StoredEventMessage {
    /// The event's tenant.
    pub tenant_id: TenantId,
    /// Its key in the log.
    pub stored: Ulid,
}

/// The tenant that a message of the events queue names, whatever else it contains.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedTenant {
    /// The tenant.
    pub tenant_id: TenantId,
}

/// The tenant, and the stored event if the message names one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedEvent {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The event's key in the log; `None` for an event sent directly by a tenant.
    pub stored: Option<Ulid>,
}

/// One delivery to attempt. It has ids only: payloads stay in the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryTask {
    /// The delivery's tenant.
    pub tenant_id: TenantId,
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// Why the delivery is attempted.
    #[serde(flatten)]
    pub kind: TaskKind,
}

impl DeliveryTask {
    /// The automatic attempt of a sequence.
    #[must_use]
    pub const fn scheduled(tenant_id: TenantId, delivery_id: DeliveryId, sequence: u32) -> Self {
        Self {
            tenant_id,
            delivery_id,
            kind: TaskKind::Scheduled(sequence),
        }
    }

    /// The manual attempt of a token.
    #[must_use]
    pub const fn manual(tenant_id: TenantId, delivery_id: DeliveryId, token: String) -> Self {
        Self {
            tenant_id,
            delivery_id,
            kind: TaskKind::Manual(token),
        }
    }
}

/// A task that may arrive before it is due: SQS delays for 15 minutes at most, and the Scheduler
/// refused the longer delay. Its reader sends it on. A version that does not know `due` acquires
/// the lease, finds the delivery early and schedules it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyTask {
    /// The task.
    #[serde(flatten)]
    pub task: DeliveryTask,
    /// When it is due, in milliseconds; without it, when it arrives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<i64>,
}

/// Why a delivery is attempted again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TaskKind {
    /// The automatic attempt of this sequence number.
    #[serde(rename = "sequence")]
    Scheduled(u32),
    /// The manual attempt of this token.
    Manual(String),
}

/// A redrive job to continue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedriveJobMessage {
    /// The job's tenant.
    pub tenant_id: TenantId,
    /// The job.
    pub job_id: Ulid,
    /// The turn of the job that this message begins.
    pub turn: u32,
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::de::DeserializeOwned;

    use super::*;
    use crate::strict_json;

    const TENANT: &str = "acme";
    const KEY: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    fn key() -> Ulid {
        KEY.parse().unwrap()
    }

    fn task(kind: TaskKind) -> DeliveryTask {
        DeliveryTask {
            tenant_id: TENANT.parse().unwrap(),
            delivery_id: "dlv_01ARZ3NDEKTSV4RRFFQ69G5FAVabcdefghjkmnpqrstvwx"
                .parse()
                .unwrap(),
            kind,
        }
    }

    /// The message's JSON, after checking that it parses to the same message.
    fn text<T: Serialize + DeserializeOwned + PartialEq + Debug>(message: &T) -> String {
        let text = serde_json::to_string(message).unwrap();
        assert_eq!(
            strict_json::from_str::<T>(&text).unwrap(),
            *message,
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<T>(&text).unwrap(),
            *message,
            "{text}"
        );
        text
    }

    #[test]
    fn a_stored_event_is_its_tenant_and_its_key() {
        let message = StoredEventMessage {
            tenant_id: TENANT.parse().unwrap(),
            stored: key(),
        };
        let wanted = r#"{"tenantId":"acme","stored":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}"#;
        assert_eq!(text(&message), wanted);
        for other in [
            r#"{"tenantId":"acme"}"#,
            r#"{"tenantId":"acme","stored":null}"#,
            r#"{"tenantId":"acme","stored":1}"#,
            r#"{"tenantId":"acme","stored":"81ARZ3NDEKTSV4RRFFQ69G5FAV"}"#,
            r#"{"tenantId":"","stored":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}"#,
            r#"{"tenantId":"acme","stored":"01ARZ3NDEKTSV4RRFFQ69G5FAV","type":"a"}"#,
            r#"{"tenantId":"acme","tenantId":"acme","stored":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}"#,
            r#"["acme","01ARZ3NDEKTSV4RRFFQ69G5FAV"]"#,
            "1",
            "",
        ] {
            assert!(
                strict_json::from_str::<StoredEventMessage>(other).is_err(),
                "{other}"
            );
        }
    }

    #[test]
    fn what_an_event_message_names_is_read_beside_whatever_else_it_says() {
        let tenant = |text: &str| strict_json::from_str::<NamedTenant>(text).ok();
        let event = |text: &str| strict_json::from_str::<NamedEvent>(text).ok();
        let named = |stored| {
            let tenant_id = TENANT.parse().unwrap();
            Some(NamedEvent { tenant_id, stored })
        };
        for (text, stored) in [
            (r#"{"tenantId":"acme","type":"a","data":{}}"#, None),
            (r#"{"tenantId":"acme","stored":null}"#, None),
            (
                r#"{"stored":"01ARZ3NDEKTSV4RRFFQ69G5FAV","tenantId":"acme","more":1}"#,
                Some(key()),
            ),
        ] {
            assert!(tenant(text).is_some(), "{text}");
            assert_eq!(event(text), named(stored), "{text}");
        }
        // An invalid key: the tenant is still recognised, the event is not.
        let text = r#"{"tenantId":"acme","stored":1}"#;
        assert!(tenant(text).is_some() && event(text).is_none());
        for text in [
            r#"{"stored":null}"#,
            r#"{"tenantId":1}"#,
            r#"["acme",null]"#,
            "{",
        ] {
            assert!(tenant(text).is_none() && event(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_delivery_to_be_tried_is_its_ids_and_its_ticket_or_its_token() {
        assert_eq!(
            text(&task(TaskKind::Scheduled(3))),
            r#"{"tenantId":"acme","deliveryId":"dlv_01ARZ3NDEKTSV4RRFFQ69G5FAVabcdefghjkmnpqrstvwx","sequence":3}"#
        );
        assert_eq!(
            text(&task(TaskKind::Manual("t0ken".to_owned()))),
            r#"{"tenantId":"acme","deliveryId":"dlv_01ARZ3NDEKTSV4RRFFQ69G5FAVabcdefghjkmnpqrstvwx","manual":"t0ken"}"#
        );
        let read = |rest: &str| {
            let ids = r#""tenantId":"acme","deliveryId":"dlv_01ARZ3NDEKTSV4RRFFQ69G5FAVabcdefghjkmnpqrstvwx""#;
            serde_json::from_str::<DeliveryTask>(&format!("{{{ids}{rest}}}")).ok()
        };
        let first = Some(task(TaskKind::Scheduled(1)));
        assert_eq!(read(r#","sequence":1"#), first);
        assert_eq!(
            read(r#","sequence":1,"newer":true"#),
            first,
            "of a later version"
        );
        for wrong in [
            "",
            r#","sequence":-1"#,
            r#","sequence":"1""#,
            r#","manual":1"#,
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_task_that_is_early_says_when_it_is_due_and_is_a_task() {
        let early = EarlyTask {
            task: task(TaskKind::Scheduled(3)),
            due: Some(1_767_225_600_000),
        };
        let ids = r#""tenantId":"acme","deliveryId":"dlv_01ARZ3NDEKTSV4RRFFQ69G5FAVabcdefghjkmnpqrstvwx""#;
        let wanted = format!(r#"{{{ids},"sequence":3,"due":1767225600000}}"#);
        assert_eq!(text(&early), wanted);
        assert_eq!(
            serde_json::from_str::<DeliveryTask>(&wanted).unwrap(),
            early.task,
            "to a version that does not know it"
        );
        let read = |text: &str| serde_json::from_str::<EarlyTask>(text).ok();
        let due_now = text(&task(TaskKind::Manual("t0ken".to_owned())));
        assert_eq!(read(&due_now).unwrap().due, None);
        assert_eq!(
            read(&format!(r#"{{{ids},"sequence":3,"due":"soon"}}"#)),
            None
        );
        assert_eq!(read(r#"{"due":1}"#), None);
    }

    #[test]
    fn a_job_to_be_continued_is_its_ids_and_its_turn() {
        let message = RedriveJobMessage {
            tenant_id: TENANT.parse().unwrap(),
            job_id: key(),
            turn: 7,
        };
        let wanted = r#"{"tenantId":"acme","jobId":"01ARZ3NDEKTSV4RRFFQ69G5FAV","turn":7}"#;
        assert_eq!(text(&message), wanted);
        for other in [
            r#"{"tenantId":"acme","jobId":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}"#,
            r#"{"tenantId":"acme","jobId":"01ARZ3NDEKTSV4RRFFQ69G5FAV","turn":-1}"#,
            r#"{"tenantId":"acme","jobId":"01ARZ3NDEKTSV4RRFFQ69G5FAV","turn":7,"more":1}"#,
        ] {
            assert!(
                serde_json::from_str::<RedriveJobMessage>(other).is_err(),
                "{other}"
            );
        }
    }
}
