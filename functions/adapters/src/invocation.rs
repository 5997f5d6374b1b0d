//! The ids of the current invocation, for log lines and responses.
//!
//! Lambda gives each invocation an id, which is in its own report of time and memory; the gateway
//! gives each request an id, which callers see (`apigw-requestid`) and quote when something failed.
//! All code that runs in an invocation can read both here, without passing them on.

use std::error::Error;
use std::future::Future;

use serde::Serialize;

use crate::telemetry;

tokio::task_local! {
    static CURRENT: Invocation;
}

/// The ids of an invocation, in the form of the log lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Invocation {
    /// Lambda's.
    #[serde(rename = "request_id", skip_serializing_if = "Option::is_none")]
    pub lambda: Option<String>,
    /// The gateway's, if a request caused the invocation.
    #[serde(rename = "gateway_request_id", skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
}

/// Runs a future in this invocation. It is boxed: a whole invocation nested in another future
/// exceeds the compiler's limit for types.
pub fn within<F: Future>(
    invocation: Invocation,
    future: F,
) -> impl Future<Output = F::Output> + use<F> {
    CURRENT.scope(invocation, Box::pin(future))
}

/// Runs a future in the current invocation, wherever it is spawned: a separate task does not
/// inherit the ids.
pub(crate) fn carried<F: Future>(future: F) -> impl Future<Output = F::Output> + use<F> {
    within(current(), future)
}

/// Why an invocation failed, as Lambda's runtime takes it.
type Failure = Box<dyn Error + Send + Sync>;

/// Runs a future in the invocation with this Lambda id. Lambda gets a failure and writes little
/// about it, so a separate line is logged.
pub fn of_lambda<T, F: Future<Output = Result<T, Failure>>>(
    id: &str,
    future: F,
) -> impl Future<Output = Result<T, Failure>> + use<T, F> {
    of_request(id, None, future)
}

/// The same for a request, with the gateway's id of it.
pub fn of_request<T, F: Future<Output = Result<T, Failure>>>(
    id: &str,
    gateway: Option<String>,
    future: F,
) -> impl Future<Output = Result<T, Failure>> + use<T, F> {
    let lambda = Some(id.to_owned()).filter(|id| !id.is_empty());
    let logged = async {
        future
            .await
            .inspect_err(|failure| telemetry::failed(failure.as_ref()))
    };
    within(Invocation { lambda, gateway }, logged)
}

/// The gateway's id of the current request.
#[must_use]
pub fn gateway_request_id() -> Option<String> {
    current().gateway
}

/// The ids of the current invocation; empty outside of one.
pub(crate) fn current() -> Invocation {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(lambda: Option<&str>, gateway: Option<&str>) -> Invocation {
        Invocation {
            lambda: lambda.map(str::to_owned),
            gateway: gateway.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn what_runs_within_an_invocation_knows_its_ids_and_nothing_else_does() {
        let both = ids(Some("l"), Some("g"));
        let known = within(both.clone(), async { (current(), gateway_request_id()) });
        assert_eq!(known.await, (both, Some("g".to_owned())));
        assert_eq!((current(), gateway_request_id()), (ids(None, None), None));
        let lambda_only = of_lambda("l", async { Ok(current()) }).await.unwrap();
        assert_eq!(lambda_only, ids(Some("l"), None));
        let of_both = of_request("l", Some("g".to_owned()), async { Ok(current()) });
        assert_eq!(of_both.await.unwrap(), ids(Some("l"), Some("g")));
        let without = of_lambda("", async { Ok(current()) }).await.unwrap();
        assert_eq!(without, ids(None, None));
    }

    #[tokio::test]
    async fn a_spawned_task_knows_the_ids_that_are_carried_into_it() {
        let both = ids(Some("l"), Some("g"));
        let spawned = within(both.clone(), async {
            let bare = tokio::spawn(async { current() });
            let carried = tokio::spawn(carried(async { current() }));
            (bare.await.unwrap(), carried.await.unwrap())
        });
        assert_eq!(spawned.await, (ids(None, None), both));
    }
}
