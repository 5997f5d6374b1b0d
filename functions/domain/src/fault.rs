//! Failures of Postel itself.

/// Why something failed, for Postel's own log only.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A failure of Postel itself: where it happened, whether trying again can help, and why.
#[derive(Debug, thiserror::Error)]
#[error("{stage:?}: {source}")]
pub struct Fault {
    /// Where it happened.
    pub stage: Stage,
    /// Whether trying again can help.
    pub kind: FaultKind,
    /// What happened, for Postel's own log only.
    pub source: Cause,
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It can: AWS throttled or did not respond, another caller works on it, or no time was left.
    Transient,
    /// It cannot: a stored row or a message cannot be read. Another version or a manual edit wrote
    /// it.
    Corrupt,
    /// It cannot until a newer version of Postel is deployed: a row or a message is in a format
    /// that this version does not read ([`crate::format`]).
    Newer,
    /// It cannot: the code is wrong.
    Bug,
}

impl FaultKind {
    /// The word of the log line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Corrupt => "corrupt",
            Self::Newer => "newer",
            Self::Bug => "bug",
        }
    }
}

/// The stages at which Postel itself can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "those without a comment are their name")]
pub enum Stage {
    /// Reading a message of Postel's own queues, or how many there are.
    ReadMessage,
    /// Processing a message, outside of the stages below.
    HandleMessage,
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
    SendMail,
    /// The invocation had no time left for an attempt.
    NoTime,
    /// Writing the response to a request.
    Respond,
}

impl Fault {
    /// A fault that trying again may fix.
    pub fn transient(stage: Stage, source: impl Into<Cause>) -> Self {
        Self::of(FaultKind::Transient, stage, source)
    }

    /// A stored row or a message cannot be read.
    pub fn corrupt(stage: Stage, source: impl Into<Cause>) -> Self {
        Self::of(FaultKind::Corrupt, stage, source)
    }

    /// A row or a message is in the format of a newer version.
    pub fn newer(stage: Stage, source: impl Into<Cause>) -> Self {
        Self::of(FaultKind::Newer, stage, source)
    }

    /// The code is wrong.
    pub fn bug(stage: Stage, source: impl Into<Cause>) -> Self {
        Self::of(FaultKind::Bug, stage, source)
    }

    fn of(kind: FaultKind, stage: Stage, source: impl Into<Cause>) -> Self {
        Self {
            stage,
            kind,
            source: source.into(),
        }
    }

    /// Whether a stored row or a message cannot be read, by this version or by any.
    #[must_use]
    pub fn is_corrupt(&self) -> bool {
        matches!(self.kind, FaultKind::Corrupt | FaultKind::Newer)
    }

    /// Whether a newer version of Postel wrote what cannot be read.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        self.kind == FaultKind::Newer
    }

    /// Whether trying again can help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind == FaultKind::Transient
    }
}

/// Makes a fault of an error. Each method says whether trying again can help.
pub trait OrFault<T> {
    /// Trying again may fix it.
    ///
    /// # Errors
    /// If it failed.
    fn or_transient(self, stage: Stage) -> Result<T, Fault>;

    /// A stored row or a message cannot be read.
    ///
    /// # Errors
    /// If it failed.
    fn or_corrupt(self, stage: Stage) -> Result<T, Fault>;

    /// It fails only if the code is wrong.
    ///
    /// # Errors
    /// If it failed.
    fn or_bug(self, stage: Stage) -> Result<T, Fault>;
}

impl<T, E: Into<Cause>> OrFault<T> for Result<T, E> {
    fn or_transient(self, stage: Stage) -> Result<T, Fault> {
        self.map_err(|e| Fault::transient(stage, e))
    }

    fn or_corrupt(self, stage: Stage) -> Result<T, Fault> {
        self.map_err(|e| Fault::corrupt(stage, e))
    }

    fn or_bug(self, stage: Stage) -> Result<T, Fault> {
        self.map_err(|e| Fault::bug(stage, e))
    }
}
