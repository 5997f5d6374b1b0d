//! Why a call of AWS gave nothing, from what the AWS CLI prints.

use crate::failure::{Exit, Failure};

/// What a caller does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// There is no `aws`.
    NoCli,
    /// No credentials, or such as AWS does not accept.
    Credentials,
    /// IAM does not allow it.
    Denied,
    /// What was named does not exist.
    Missing,
    /// AWS was not reached, or cannot answer now.
    Unreachable,
    /// Everything else.
    Refused,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AwsError {
    pub(crate) kind: Kind,
    /// AWS's code, if AWS answered.
    pub(crate) code: String,
    pub(crate) detail: String,
    /// The action that IAM decides about.
    pub(crate) action: &'static str,
}

/// How the AWS CLI begins the text of an error that a service gave.
const ANSWERED: &str = "An error occurred (";

impl AwsError {
    /// From what the AWS CLI wrote to standard error.
    pub(super) fn of(action: &'static str, stderr: &str) -> Self {
        let answered = stderr.split_once(ANSWERED).and_then(|(_, rest)| {
            let (code, rest) = rest.split_once(')')?;
            let detail = rest.split_once(": ").map_or(rest, |(_, detail)| detail);
            Some((code.trim().to_owned(), detail.trim().to_owned()))
        });
        let (kind, code, detail) = match answered {
            Some((code, detail)) => (of_code(&code, &detail), code, detail),
            None => (of_text(stderr), String::new(), last_line(stderr)),
        };
        Self {
            kind,
            code,
            detail,
            action,
        }
    }

    pub(super) fn no_cli(action: &'static str, error: &std::io::Error) -> Self {
        Self {
            kind: Kind::NoCli,
            code: String::new(),
            detail: format!("The AWS CLI (`aws`) cannot be run: {error}."),
            action,
        }
    }

    pub(super) fn no_file(action: &'static str, error: &std::io::Error) -> Self {
        Self {
            kind: Kind::Refused,
            code: String::new(),
            detail: format!("No file can be written for the AWS CLI: {error}."),
            action,
        }
    }

    pub(super) fn unreadable(action: &'static str) -> Self {
        Self {
            kind: Kind::Refused,
            code: String::new(),
            detail: "The AWS CLI printed something else than JSON.".to_owned(),
            action,
        }
    }

    /// What to do.
    pub(crate) fn advice(&self) -> String {
        match self.kind {
            Kind::NoCli => {
                "Install the AWS CLI, version 2 (docs.aws.amazon.com/cli), and put it on the PATH.".to_owned()
            }
            Kind::Credentials => {
                "Sign in to AWS (`aws sts get-caller-identity` must work), or choose a profile with AWS_PROFILE.".to_owned()
            }
            Kind::Denied => format!(
                "Allow your role {} (docs/deploying.md has a policy).",
                self.action
            ),
            Kind::Missing => "Check the name and the region (AWS_REGION).".to_owned(),
            Kind::Unreachable => "Check the network and the region, then repeat it.".to_owned(),
            Kind::Refused => "Look at what AWS says.".to_owned(),
        }
    }

    /// What happened, in a sentence.
    pub(crate) fn sentence(&self) -> String {
        match self.kind {
            Kind::Denied => format!("AWS does not allow you {}.", self.action),
            _ if self.code.is_empty() => self.detail.clone(),
            _ => format!("{}: {}", self.code, self.detail),
        }
    }
}

fn of_code(code: &str, detail: &str) -> Kind {
    let has = |names: &[&str]| names.iter().any(|name| code.contains(name));
    let is_missing_stack = code == "ValidationError" && detail.contains("does not exist");
    match () {
        () if has(&["AccessDenied", "UnauthorizedOperation", "NotAuthorized"])
            || detail.contains("is not authorized to perform") =>
        {
            Kind::Denied
        }
        () if has(&[
            "ExpiredToken",
            "InvalidClientTokenId",
            "UnrecognizedClient",
            "SignatureDoesNotMatch",
            "InvalidAccessKeyId",
            "InvalidSignature",
            "IncompleteSignature",
            "InvalidToken",
        ]) =>
        {
            Kind::Credentials
        }
        () if is_missing_stack
            || has(&[
                "NotFound",
                "NoSuch",
                "NonExistent",
                "NotExist",
                "DoesNotExist",
            ]) =>
        {
            Kind::Missing
        }
        () if has(&[
            "Throttl",
            "TooManyRequests",
            "ServiceUnavailable",
            "Internal",
            "RequestLimitExceeded",
        ]) =>
        {
            Kind::Unreachable
        }
        () => Kind::Refused,
    }
}

fn of_text(text: &str) -> Kind {
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    match () {
        () if has(&[
            "Unable to locate credentials",
            "could not be found",
            "Token has expired",
            "Error when retrieving token",
            "Error loading SSO Token",
            "Partial credentials",
            "aws login",
        ]) =>
        {
            Kind::Credentials
        }
        () if has(&[
            "Could not connect",
            "Connect timeout",
            "Read timeout",
            "Connection was closed",
            "SSL validation failed",
            "Failed to connect to proxy",
        ]) =>
        {
            Kind::Unreachable
        }
        () => Kind::Refused,
    }
}

fn last_line(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or("The AWS CLI failed and said nothing.")
        .trim()
        .to_owned()
}

impl From<AwsError> for Failure {
    fn from(error: AwsError) -> Self {
        let (exit, code) = match error.kind {
            Kind::NoCli => (Exit::Usage, "no_aws_cli"),
            Kind::Credentials => (Exit::Key, "aws_credentials"),
            Kind::Denied => (Exit::Key, "aws_denied"),
            Kind::Missing => (Exit::NotFound, "aws_not_found"),
            Kind::Unreachable => (Exit::Unavailable, "aws_unreachable"),
            Kind::Refused => (Exit::Refused, "aws_refused"),
        };
        Self::new(exit, code, error.sentence()).hint(error.advice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_aws_is_told_from_its_code() {
        let denied = "\nAn error occurred (AccessDeniedException) when calling the GetFunctionConfiguration operation: User: arn:aws:iam::1:user/a is not authorized to perform: lambda:GetFunctionConfiguration on resource: x because no identity-based policy allows the lambda:GetFunctionConfiguration action\n";
        let error = AwsError::of("lambda:GetFunctionConfiguration", denied);
        assert_eq!(
            (error.kind, error.code.as_str()),
            (Kind::Denied, "AccessDeniedException")
        );
        assert_eq!(
            error.sentence(),
            "AWS does not allow you lambda:GetFunctionConfiguration."
        );
        for (text, kind) in [
            (
                "aws: [ERROR]: An error occurred (ValidationError) when calling the DescribeStacks operation: Stack with id x does not exist",
                Kind::Missing,
            ),
            (
                "An error occurred (AWS.SimpleQueueService.NonExistentQueue) when calling the GetQueueAttributes operation: The specified queue does not exist.",
                Kind::Missing,
            ),
            (
                "An error occurred (ExpiredTokenException) when calling the X operation: The security token included in the request is expired",
                Kind::Credentials,
            ),
            (
                "An error occurred (ThrottlingException) when calling the X operation (reached max retries: 2): Rate exceeded",
                Kind::Unreachable,
            ),
            (
                "An error occurred (InvalidParameterValue) when calling the X operation: no",
                Kind::Refused,
            ),
        ] {
            assert_eq!(AwsError::of("a:B", text).kind, kind, "{text}");
        }
    }

    #[test]
    fn what_the_cli_says_itself_is_told_from_its_text() {
        for (text, kind) in [
            (
                "Unable to locate credentials. You can configure credentials by running \"aws configure\".",
                Kind::Credentials,
            ),
            (
                "The config profile (x) could not be found",
                Kind::Credentials,
            ),
            (
                "Could not connect to the endpoint URL: \"https://x/\"",
                Kind::Unreachable,
            ),
            ("", Kind::Refused),
        ] {
            assert_eq!(AwsError::of("a:B", text).kind, kind, "{text}");
        }
        let error = AwsError::of("a:B", "usage: aws\n\nYou must specify a region.\n");
        assert_eq!(error.sentence(), "You must specify a region.");
    }
}
