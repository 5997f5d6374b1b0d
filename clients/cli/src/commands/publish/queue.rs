//! The events queue, for publishing over SQS.

use crate::aws::{Aws, Stack};
use crate::failure::Failure;
use crate::local_stack;

/// Publish over SQS with your AWS credentials, not over HTTP with a key.
#[derive(Debug, clap::Args)]
pub(super) struct Queue {
    /// Send to the events queue with the AWS CLI and your AWS credentials, in place of HTTP and a
    /// key; by default to that of the local stack
    #[arg(long)]
    sqs: bool,
    /// SQS: the CloudFormation stack whose queue it is
    #[arg(long, requires = "sqs")]
    stack: Option<String>,
    /// SQS: the queue's URL (output EventsQueueUrl)
    #[arg(
        long,
        value_name = "URL",
        env = "EVENTS_QUEUE_URL",
        conflicts_with = "stack"
    )]
    queue_url: Option<String>,
}

impl Queue {
    /// The queue and who sends to it; nothing if events go over HTTP.
    pub(super) async fn find(&self) -> Result<Option<(Aws, String)>, Failure> {
        if !self.sqs {
            return Ok(None);
        }
        if let Some(stack) = &self.stack {
            let aws = Aws::of_user(None);
            let stack = Stack::describe(&aws, stack).await?;
            let url = stack.output("EventsQueueUrl")?.to_owned();
            return Ok(Some((aws, url)));
        }
        let local = local_stack::running();
        if let Some(url) = &self.queue_url {
            let aws = match &local {
                Some(local) if local.events_queue_url == *url => Aws::local(&local.cloud),
                _ => Aws::of_user(region(url)),
            };
            return Ok(Some((aws, url.clone())));
        }
        let local = local.ok_or_else(|| {
            Failure::usage("There is no queue: no local stack is up, and none is named.")
                .hint("Name the stack (--stack NAME) or the queue (--queue-url URL).")
        })?;
        Ok(Some((Aws::local(&local.cloud), local.events_queue_url)))
    }

    /// The options that a run needs again to go on.
    pub(super) fn spelled(&self, tenant: &str) -> String {
        let Self {
            sqs,
            stack,
            queue_url,
        } = self;
        match (sqs, stack, queue_url) {
            (false, ..) => String::new(),
            (true, Some(stack), _) => format!(" --sqs --stack {stack} -t {tenant}"),
            (true, None, Some(url)) => format!(" --sqs --queue-url {url} -t {tenant}"),
            (true, None, None) => format!(" --sqs -t {tenant}"),
        }
    }
}

/// The region in the URL of a queue on AWS: `https://sqs.eu-central-1.amazonaws.com/…`.
fn region(url: &str) -> Option<&str> {
    let host = url.strip_prefix("https://sqs.")?;
    host.split('.').next().filter(|region| region.contains('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_that_of_the_queue() {
        assert_eq!(
            region("https://sqs.eu-central-1.amazonaws.com/1/q"),
            Some("eu-central-1")
        );
        assert_eq!(region("http://127.0.0.1:4566/1/q"), None);
        assert_eq!(region("https://sqs.amazonaws.com/1/q"), None);
    }

    #[test]
    fn a_run_goes_on_at_the_same_queue() {
        let queue = Queue {
            sqs: true,
            stack: Some("postel".to_owned()),
            queue_url: None,
        };
        assert_eq!(queue.spelled("acme"), " --sqs --stack postel -t acme");
    }
}
