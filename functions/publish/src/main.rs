//! Wires the function and runs it.

use lambda_http::{Error, run};
use publish::{Function, router};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(router(Function::from_env().await?)).await
}
