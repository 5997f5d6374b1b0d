//! Wires the function and runs it.

use dispatcher::Function;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

// Connections are read on threads of their own. The HTTP client skips interim answers (100, 103) without a pause and without a bound: a receiver that
// sends them without end keeps its thread for a second at a time, and on one thread stopped the whole batch. A few of them are borne; eight in one
// batch still ran the unoptimised build into its timeout. Test: a_receiver_of_endless_interim_answers_stops_neither_the_clock_nor_its_neighbours.
#[tokio::main(flavor = "multi_thread", worker_threads = 16)]
async fn main() -> Result<(), Error> {
    let function = &Function::from_env().await?;
    run(service_fn(|event: LambdaEvent<_>| async move {
        function.handle(event).await
    }))
    .await
}
