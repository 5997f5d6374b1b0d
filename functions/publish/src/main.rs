//! Wires the function and runs it.

use lambda_http::{Error, run};
use publish::{AppState, router};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(router(AppState::from_env().await?)).await
}
