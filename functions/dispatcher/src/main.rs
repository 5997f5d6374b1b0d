//! Wires the function and runs it.

use adapters::invocation::of_lambda;
use dispatcher::Handler;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use tokio::runtime::Builder;

// Connections to receivers run on separate threads. The HTTP client skips interim responses (100,
// 103) without a pause and without a limit: a receiver that sends them endlessly occupies its
// thread for a second at a time. This many such receivers do not delay others; the clock and the
// records are never delayed. Test: floods_of_interim_answers_stop_neither_the_clock_nor_the_caller.
const RECEIVERS_THREADS: usize = 16;

// All other work runs on one thread: Lambda gives a seventh of a processor, and a thread that wakes
// another costs more than it saves.
fn main() -> Result<(), Error> {
    let receivers = Builder::new_multi_thread()
        .worker_threads(RECEIVERS_THREADS)
        .enable_all()
        .build()?;
    let own = Builder::new_current_thread().enable_all().build()?;
    own.block_on(async {
        let function = &Handler::from_env(receivers.handle().clone()).await?;
        run(service_fn(|event: LambdaEvent<_>| async move {
            let id = event.context.request_id.clone();
            of_lambda(&id, function.handle(event)).await
        }))
        .await
    })
}
