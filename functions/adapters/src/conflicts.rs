//! Retries of DynamoDB writes that met another write at the same item, where at least one was a
//! transaction: one of the two was not executed, and repeating it is correct.
//!
//! AWS documents `TransactionConflict` as safe to repeat, but the SDK does not retry it by default.
//! A transaction with a failed condition in addition has its answer and is not repeated.
//!
//! Each write below a tenant checks the tenant's row, so a tenant's concurrent writes meet there,
//! and all but one of those that overlap must be repeated. Six tries, with random pauses of up to
//! 60, 120, 240, 480 and 960 ms, are enough for ten concurrent writes: if each holds the row for 15
//! ms, one of 7,500 fails finally, and at 30 ms one of 220 (from a simulation of those pauses).
//! With twenty concurrent writes it is one of 180, and one of 16. The caller then gets a 503 and
//! may retry. No tenant is configured faster than that for long.

use aws_sdk_dynamodb::config::interceptors::InterceptorContext;
use aws_sdk_dynamodb::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

/// Lets the SDK retry a write that met another, with its own pauses and number of tries.
#[derive(Debug)]
pub(crate) struct Conflicts;

impl ClassifyRetry for Conflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context
            .output_or_error()
            .and_then(Result::err)
            .and_then(|error| error.as_operation_error());
        let is_conflict = error.is_some_and(|error| {
            let put = error.downcast_ref::<PutItemError>();
            let update = error.downcast_ref::<UpdateItemError>();
            let delete = error.downcast_ref::<DeleteItemError>();
            put.is_some_and(PutItemError::is_transaction_conflict_exception)
                || update.is_some_and(UpdateItemError::is_transaction_conflict_exception)
                || delete.is_some_and(DeleteItemError::is_transaction_conflict_exception)
                || error.downcast_ref().is_some_and(is_met)
        });
        if is_conflict {
            RetryAction::transient_error()
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "two writes that met at one item"
    }
}

/// Whether a transaction met another write, and none of its conditions failed.
fn is_met(error: &TransactWriteItemsError) -> bool {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        return false;
    };
    let is = |wanted| {
        let mut reasons = cancelled.cancellation_reasons().iter();
        reasons.any(|reason| reason.code() == Some(wanted))
    };
    is("TransactionConflict") && !is("ConditionalCheckFailed")
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::TransactionCanceledException;

    use super::*;

    #[test]
    fn a_transaction_that_met_another_is_repeated_and_one_whose_condition_failed_is_not() {
        let is_repeated = |codes: &[&str]| {
            let reasons = codes
                .iter()
                .map(|code| CancellationReason::builder().code(*code).build());
            let cancelled = TransactionCanceledException::builder()
                .set_cancellation_reasons(Some(reasons.collect()));
            is_met(&TransactWriteItemsError::TransactionCanceledException(
                cancelled.build(),
            ))
        };
        assert!(is_repeated(&["None", "TransactionConflict"]));
        assert!(!is_repeated(&[
            "ConditionalCheckFailed",
            "TransactionConflict"
        ]));
        assert!(!is_repeated(&["ConditionalCheckFailed", "None"]));
        assert!(!is_repeated(&[]));
    }
}
