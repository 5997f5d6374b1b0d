//! Wires the function and runs it.

use adapters::invocation::of_request;
use authorizer::Handler;
use aws_lambda_events::event::apigw::ApiGatewayV2CustomAuthorizerV2Request;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = &Handler::from_env().await?;
    run(service_fn(
        |event: LambdaEvent<ApiGatewayV2CustomAuthorizerV2Request>| async move {
            let id = event.context.request_id.clone();
            let gateway = event.payload.request_context.request_id.clone();
            of_request(&id, gateway, function.handle(event)).await
        },
    ))
    .await
}
