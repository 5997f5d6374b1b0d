//! Wires the function and runs it.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use redriver::Function;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = &Function::from_env().await?;
    run(service_fn(|event: LambdaEvent<_>| async move {
        function.handle(event).await
    }))
    .await
}
