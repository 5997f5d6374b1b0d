//! The conditions that the protocol rests on.

/// Each can be taken away; a test sees the checker find what then goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// lease.rs: the lease is free or over.
    ClaimChecksLease,
    /// lease.rs: `sequence = :sequence`.
    ClaimChecksTicket,
    /// lease.rs: the status waits for an attempt.
    ClaimChecksStatus,
    /// lease.rs: `manual = :token`.
    ClaimChecksToken,
    /// lease.rs: a lease of our own name is ours, whatever the first answer was.
    ClaimKnowsItsOwn,
    /// write.rs, end of a lease: `lease_owner = :owner`.
    CommitChecksOwner,
    /// write.rs, end of a lease: signed with our name is our own write.
    CommitKnowsItsOwn,
    /// delivery.rs: what an attempt makes of a delivery is put on top of what others did meanwhile.
    CommitIsRebased,
    /// write.rs, end of a lease: a delivery whose manual attempt waits stays among what is due.
    WaitingTokenIsDue,
    /// write.rs: a delivery and its dead letter are written in one transaction.
    DeadLetterInTheSameWrite,
    /// write.rs: a manual success marks the dead letter in the same transaction.
    DeliveredByHandResolves,
    /// write.rs: a delivery is opened once.
    OpenIsNew,
    /// write.rs: signed with our name is our own delivery.
    OpenKnowsItsOwn,
    /// write.rs: an event is stored once.
    StoreIsNew,
    /// event_message.rs: whoever was not first adds only what is not on record.
    TwinSkipsRecorded,
    /// event_message.rs: a message that was here before is looked up before anything is sent.
    ReturnedIsRead,
    /// event_message.rs: the missing step of what is on record is done again.
    SettleFollowsUp,
    /// record.rs: what was put off to the slow lane too.
    PutOffIsCarriedAgain,
    /// delivery_task.rs: the same for a single delivery.
    StaleFollowsUp,
    /// delivery_task.rs: a message that meets a lease is carried to its end.
    BusyIsCarried,
    /// delivery_task.rs: what comes too early waits again.
    EarlyIsPutBack,
    /// flow/mod.rs: the record before the next message.
    StateBeforeQueue,
    /// flow/mod.rs: the next message before the acknowledgement.
    QueueBeforeAck,
    /// sweep.rs, overdue.rs.
    Sweeper,
    /// dlq.rs: an event's message that died becomes a dead letter.
    DeadEventIsKept,
    /// cache.rs: a webhook is switched off on condition that it is of the attempt's version.
    SwitchOffChecksVersion,
    /// notify.rs: an outcome carries the version that its attempt was made with.
    OutcomeCarriesItsVersion,
    /// record.rs: a switch-off that is missing is done again with what else is missing.
    SwitchOffIsDoneAgain,
    /// revival.rs: a redrive finds the delivery dead of this letter, and the letter unused.
    ReviveFindsItDead,
}
