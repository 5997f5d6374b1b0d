//! Wires the function and runs it.

use console::Site;
use lambda_http::{Error, Request, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let site = &Site::from_env()?;
    run(service_fn(|request: Request| async move {
        Ok::<_, Error>(site.answer(&request))
    }))
    .await
}
