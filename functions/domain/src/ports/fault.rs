//! Failures of Postel itself.

/// A failure of Postel itself, named for its stage.
#[derive(Debug, thiserror::Error)]
#[error("{stage:?}: {source}")]
pub struct Fault {
    /// Where it happened.
    pub stage: Stage,
    /// What happened, for Postel's own log only.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// The stages at which Postel itself can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "those without a comment are their name")]
pub enum Stage {
    ReadConfig,
    WriteConfig,
    ReadStore,
    AcquireLease,
    /// Another caller works on it and has not finished.
    Busy,
    /// Writing the outcome of a request that has left.
    WriteOutcome,
    Enqueue,
    /// A message was sent and no response came: the queue may or may not have it.
    Ambiguous,
    Decrypt,
    Encrypt,
    DeadLetter,
    /// The invocation had no time left for an attempt.
    NoTime,
    /// A bug: the code that processed a message panicked.
    Panic,
    /// A stored row cannot be read: another version or a manual edit wrote it. Retrying does not
    /// help.
    Corrupt,
}

impl Fault {
    /// A fault of a stage.
    pub fn new(stage: Stage, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            stage,
            source: source.into(),
        }
    }
}
