//! Wires the function and runs it.

use dispatcher::Function;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use tokio::runtime::{Builder, Handle};

/// Threads that read connections to receivers: as many may be kept busy (see `HttpSender::on`) before their neighbours wait.
const THREADS: usize = 16;

fn main() -> Result<(), Error> {
    let receivers = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?;
    let own = Builder::new_current_thread().enable_all().build()?;
    own.block_on(serve(receivers.handle().clone()))
}

async fn serve(receivers: Handle) -> Result<(), Error> {
    let function = &Function::from_env(receivers).await?;
    run(service_fn(|event: LambdaEvent<_>| async move {
        function.handle(event).await
    }))
    .await
}
