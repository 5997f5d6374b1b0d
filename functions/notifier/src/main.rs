//! Wires the function and runs it.

use adapters::invocation::of_lambda;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use notifier::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = &Handler::from_env().await?;
    run(service_fn(|event: LambdaEvent<_>| async move {
        let id = event.context.request_id.clone();
        of_lambda(&id, function.handle(event)).await
    }))
    .await
}
