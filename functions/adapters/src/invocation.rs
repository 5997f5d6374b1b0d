//! Which invocation a line of the log and an answer belong to.
//!
//! Lambda gives each invocation an id, which stands in its own report of time and memory; the
//! gateway gives each request one, which callers see (`apigw-requestid`) and quote when something
//! failed. Whatever runs for an invocation finds both here without being handed them.

use std::error::Error;
use std::future::Future;

use serde_json::{Map, Value};

use crate::telemetry;

tokio::task_local! {
    static CURRENT: Invocation;
}

/// The ids of an invocation.
#[derive(Clone, Debug, Default)]
pub struct Invocation {
    /// Lambda's.
    pub lambda: Option<String>,
    /// The gateway's, where a request led to it.
    pub gateway: Option<String>,
}

/// Runs a future as this invocation's. It is boxed: a whole invocation within another future is a
/// type deeper than the compiler follows.
pub fn within<F: Future>(
    invocation: Invocation,
    future: F,
) -> impl Future<Output = F::Output> + use<F> {
    CURRENT.scope(invocation, Box::pin(future))
}

/// Why an invocation failed, as Lambda's runtime takes it.
type Failure = Box<dyn Error + Send + Sync>;

/// Runs a future as the invocation's of this id of Lambda's. Lambda is told of a failure and writes
/// little of it: the log has a line of our own.
pub fn of_lambda<T, F: Future<Output = Result<T, Failure>>>(
    id: &str,
    future: F,
) -> impl Future<Output = Result<T, Failure>> + use<T, F> {
    let lambda = Some(id.to_owned());
    let gateway = None;
    let logged = async {
        future
            .await
            .inspect_err(|failure| telemetry::failed(failure.as_ref()))
    };
    within(Invocation { lambda, gateway }, logged)
}

/// The gateway's id of the request that is answered.
#[must_use]
pub fn request_id() -> Option<String> {
    CURRENT
        .try_with(|invocation| invocation.gateway.clone())
        .ok()
        .flatten()
}

/// Both ids as fields of a line of the log; none outside of an invocation.
pub(crate) fn fields() -> Value {
    let ids = CURRENT.try_with(Clone::clone).unwrap_or_default();
    let named = [
        ("lambda_request_id", ids.lambda),
        ("request_id", ids.gateway),
    ];
    named
        .into_iter()
        .filter_map(|(name, id)| Some((name.to_owned(), Value::from(id?))))
        .collect::<Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn what_runs_within_an_invocation_knows_its_ids_and_nothing_else_does() {
        let invocation = Invocation {
            lambda: Some("l".to_owned()),
            gateway: Some("g".to_owned()),
        };
        let within = within(invocation, async { (fields(), request_id()) }).await;
        let both = json!({"lambda_request_id": "l", "request_id": "g"});
        assert_eq!(within, (both, Some("g".to_owned())));
        assert_eq!((fields(), request_id()), (json!({}), None));
        let lambda_only = of_lambda("l", async { Ok((fields(), request_id())) }).await;
        assert_eq!(
            lambda_only.unwrap(),
            (json!({"lambda_request_id": "l"}), None)
        );
    }
}
