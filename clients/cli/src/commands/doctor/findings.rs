//! What a check has found, and what to do about it.

use crate::aws::{AwsError, Kind};
use crate::failure::Failure;

/// How a check ends. The order is that of weight: the heaviest of a check's findings decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Ok,
    Warn,
    NotSeen,
    Fail,
}

impl Verdict {
    /// For people.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
            Self::NotSeen => "NOT SEEN",
        }
    }

    /// For programs.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::NotSeen => "not_seen",
        }
    }
}

/// The findings of one check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    found: Vec<(Verdict, String)>,
    advice: Vec<String>,
}

impl Findings {
    /// All is well.
    pub(super) fn ok(text: impl Into<String>) -> Self {
        let mut findings = Self::default();
        findings.fine(text);
        findings
    }

    /// One thing that could not be seen.
    pub(super) fn not_seen(text: impl Into<String>, advice: impl Into<String>) -> Self {
        let mut findings = Self::default();
        findings.add(Verdict::NotSeen, text, advice);
        findings
    }

    pub(super) fn fine(&mut self, text: impl Into<String>) {
        self.found.push((Verdict::Ok, text.into()));
    }

    pub(super) fn warn(&mut self, text: impl Into<String>, advice: impl Into<String>) {
        self.add(Verdict::Warn, text, advice);
    }

    pub(super) fn fail(&mut self, text: impl Into<String>, advice: impl Into<String>) {
        self.add(Verdict::Fail, text, advice);
    }

    pub(super) fn add(
        &mut self,
        verdict: Verdict,
        text: impl Into<String>,
        advice: impl Into<String>,
    ) {
        let (text, advice) = (text.into(), advice.into());
        if !self.found.iter().any(|(_, known)| *known == text) {
            self.found.push((verdict, text));
        }
        if !advice.is_empty() && !self.advice.contains(&advice) {
            self.advice.push(advice);
        }
    }

    /// AWS's answer, or nothing after it was noted why there is none. What does not exist fails
    /// the check; what AWS does not show was not seen.
    pub(super) fn take<T>(&mut self, what: &str, answer: Result<T, AwsError>) -> Option<T> {
        match answer {
            Ok(answer) => Some(answer),
            Err(error) if error.kind == Kind::Missing => {
                self.fail(format!("{what} does not exist."), REDEPLOY);
                None
            }
            Err(error) => {
                self.error(&error);
                None
            }
        }
    }

    /// Why AWS gave nothing.
    pub(super) fn error(&mut self, error: &AwsError) {
        self.add(Verdict::NotSeen, error.sentence(), error.advice());
    }

    /// Why the API gave nothing: an error of Postel.
    pub(super) fn failure(&mut self, what: &str, failure: &Failure) {
        let text = format!("{what}: {} ({})", failure.detail, failure.code);
        self.add(
            Verdict::Fail,
            text,
            failure.hint.clone().unwrap_or_default(),
        );
    }

    pub(super) fn verdict(&self) -> Verdict {
        let worst = self.found.iter().map(|(verdict, _)| *verdict).max();
        worst.unwrap_or(Verdict::NotSeen)
    }

    /// The sentences. What is well is left out beside what is not.
    pub(super) fn detail(&self) -> String {
        let is_ok = self.verdict() == Verdict::Ok;
        let mut said: Vec<&(Verdict, String)> = self
            .found
            .iter()
            .filter(|(verdict, _)| is_ok || *verdict != Verdict::Ok)
            .collect();
        said.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
        let said: Vec<&str> = said.iter().map(|(_, text)| text.as_str()).collect();
        said.join(" ")
    }

    pub(super) fn advice(&self) -> &[String] {
        &self.advice
    }
}

/// What brings back a resource of the stack that somebody deleted.
pub(super) const REDEPLOY: &str = "Somebody has deleted it: CloudFormation's drift detection lists what differs. Restore it, or deploy the stack again under another name.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_finding_decides_and_is_told_first() {
        let mut findings = Findings::ok("a is well.");
        assert_eq!(
            (findings.verdict(), findings.detail().as_str()),
            (Verdict::Ok, "a is well.")
        );
        findings.warn("b is odd.", "Look at b.");
        findings.fail("c is broken.", "Mend c.");
        findings.fail("d is broken.", "Mend c.");
        assert_eq!(findings.verdict(), Verdict::Fail);
        assert_eq!(findings.detail(), "c is broken. d is broken. b is odd.");
        assert_eq!(findings.advice(), ["Look at b.", "Mend c."]);
    }

    #[test]
    fn what_the_role_may_not_see_is_not_seen_and_what_is_gone_fails() {
        let mut findings = Findings::default();
        let error = |code: &str| AwsError {
            kind: if code == "AccessDenied" {
                Kind::Denied
            } else {
                Kind::Missing
            },
            code: code.to_owned(),
            detail: String::new(),
            action: "sqs:GetQueueAttributes",
        };
        assert_eq!(
            findings.take::<()>("The queue", Err(error("AccessDenied"))),
            None
        );
        assert_eq!(findings.verdict(), Verdict::NotSeen);
        assert!(findings.detail().contains("sqs:GetQueueAttributes"));
        findings.take::<()>("The queue", Err(error("NoSuch")));
        assert_eq!(findings.verdict(), Verdict::Fail);
    }

    #[test]
    fn a_check_that_found_nothing_is_not_ok() {
        assert_eq!(Findings::default().verdict(), Verdict::NotSeen);
    }
}
