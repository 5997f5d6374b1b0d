//! The failure of an AWS call as a fault, which says whether a retry can help.

use std::error::Error;
use std::fmt::Debug;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use domain::ports::{Fault, Stage};

/// AWS's codes for a request that is wrong, whoever sends it and whenever. That is a bug in Postel,
/// since callers' input is checked before. A missing permission, table or key is not among them:
/// the operator can fix it while messages wait.
const OUR_MISTAKES: [&str; 2] = ["ValidationException", "SerializationException"];

/// The failure of a call as a fault of a stage.
pub(crate) fn aws_fault<E, R>(error: SdkError<E, R>, stage: Stage) -> Fault
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: Debug + Send + Sync + 'static,
{
    let is_bug = match &error {
        // The request could not even be built.
        SdkError::ConstructionFailure(_) => true,
        SdkError::ServiceError(answer) => answer
            .err()
            .code()
            .is_some_and(|c| OUR_MISTAKES.contains(&c) && !may_be_the_role(c, stage)),
        _ => false,
    };
    if is_bug {
        Fault::bug(stage, error)
    } else {
        Fault::transient(stage, error)
    }
}

/// EventBridge Scheduler also calls a request invalid while it cannot assume the schedule's role:
/// for a while after the role is created, or until the operator mends it. SQS has no such code.
fn may_be_the_role(code: &str, stage: Stage) -> bool {
    stage == Stage::Enqueue && code == "ValidationException"
}

/// The response of a call, or its failure as a fault of a stage.
pub(crate) trait OrAwsFault<T> {
    fn or_fault(self, stage: Stage) -> Result<T, Fault>;
}

impl<T, E, R> OrAwsFault<T> for Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: Debug + Send + Sync + 'static,
{
    fn or_fault(self, stage: Stage) -> Result<T, Fault> {
        self.map_err(|error| aws_fault(error, stage))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::put_item::PutItemError;
    use domain::ports::FaultKind;

    use super::*;

    fn kind(error: SdkError<PutItemError, &'static str>) -> FaultKind {
        kind_at(Stage::WriteConfig, error)
    }

    fn kind_at(stage: Stage, error: SdkError<PutItemError, &'static str>) -> FaultKind {
        let failed: Result<(), _> = Err(error);
        let fault = failed.or_fault(stage).unwrap_err();
        assert_eq!(fault.stage, stage);
        fault.kind
    }

    fn answered(code: &str) -> SdkError<PutItemError, &'static str> {
        let error = PutItemError::generic(ErrorMetadata::builder().code(code).build());
        SdkError::service_error(error, "400")
    }

    #[test]
    fn what_aws_calls_invalid_is_a_bug_and_what_may_pass_is_transient() {
        for code in OUR_MISTAKES {
            assert_eq!(kind(answered(code)), FaultKind::Bug, "{code}");
        }
        for code in [
            "ThrottlingException",
            "AccessDeniedException",
            "ResourceNotFoundException",
            "InternalServerError",
            "a code that is not known yet",
        ] {
            assert_eq!(kind(answered(code)), FaultKind::Transient, "{code}");
        }
        let unanswered = SdkError::timeout_error("no answer in time");
        assert_eq!(kind(unanswered), FaultKind::Transient);
        let unwritten = SdkError::construction_failure("a member is missing");
        assert_eq!(kind(unwritten), FaultKind::Bug);
    }

    #[test]
    fn a_schedule_whose_role_cannot_be_assumed_yet_is_tried_again() {
        let kind = |code| kind_at(Stage::Enqueue, answered(code));
        assert_eq!(kind("ValidationException"), FaultKind::Transient);
        assert_eq!(kind("SerializationException"), FaultKind::Bug);
    }
}
