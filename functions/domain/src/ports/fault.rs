//! Our own failures.

/// Our own failure, named for its stage.
#[derive(Debug, thiserror::Error)]
#[error("{stage:?}: {source}")]
pub struct Fault {
    /// Where it happened.
    pub stage: Stage,
    /// What happened, for our own log only.
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
    /// Somebody else is at work on it and has not ended yet.
    Busy,
    /// Writing what came of a request that has left.
    WriteOutcome,
    Enqueue,
    /// A message was sent and no answer came: the queue may have it or not.
    Ambiguous,
    Decrypt,
    Encrypt,
    DeadLetter,
    /// The invocation had no time left for an attempt.
    NoTime,
    /// A bug: the code behind a message panicked.
    Panic,
    /// What is stored cannot be read: another version wrote it, or somebody by hand. Trying again
    /// does not help.
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
