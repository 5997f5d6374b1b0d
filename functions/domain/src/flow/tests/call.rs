//! The calls that the fake ports record.

use super::*;

/// One call of a port.
#[derive(Clone, Debug)]
pub(super) enum Call {
    TenantSnapshot(Time),
    Post(OutgoingRequest),
    PutEvent(Vec<Delivery>),
    CreateDelivery(Delivery, Option<DeadLetter>),
    CompleteAttempt(Delivery, Option<DeadLetter>),
    ScheduleTask(DeliveryTask, Duration),
    SendSlow(DeliveryTask),
    PutDeadLetter(DeadLetter),
    /// With the version of the webhook that it applies to.
    SwitchOff(DisableReason, u32),
    SendMail(String, Notification),
    AttemptFinished(u32, Trigger),
    MessageRejected,
    MessageUnreadable(Stage),
    DeliveryAbandoned,
    MessageLost(u32),
    EventAccepted,
    SlowLaneChanged(bool),
    MarkEventIdAccepted,
    ReleaseEventId,
    RequireLease(Ulid),
    /// Keys that were announced together, and whether they were marked as announced again.
    SendEvents(Vec<Ulid>, bool),
    Overdue(u8, Time),
    Postpone(DeliveryTask, Time),
    StartJob(RedriveJobMessage, Duration),
    Noted(Ulid, Time),
    Erase(Ulid, Option<Time>),
}
