//! The deployment that is looked at: its stack, who looks, and its API.

use crate::api::Client;
use crate::aws::{Aws, AwsError, CALLER, Stack};
use crate::context::Options;
use crate::failure::Failure;
use crate::local_stack::{self, LocalStack};
use crate::member::Member as _;
use crate::output::text;
use crate::target::Target;

/// Where to look.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) aws: Aws,
    /// The local stack, if it is looked at.
    pub(super) local: Option<LocalStack>,
}

/// What all checks read.
pub(super) struct Site {
    pub(super) aws: Aws,
    pub(super) stack: Stack,
    /// Of the stack's own ARNs.
    pub(super) region: String,
    pub(super) caller: Option<Caller>,
    /// The API with the operator's key, if there is one.
    pub(super) api: Option<Client>,
}

/// Whose credentials these are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) arn: String,
    pub(super) account: String,
    /// The unique id that SQS gives as the sender's.
    pub(super) id: String,
}

impl Place {
    /// The stack that is named, or the local one that is up.
    pub(super) fn find(
        stack: Option<&str>,
        region: Option<&str>,
        options: &Options,
    ) -> Result<Self, Failure> {
        if options.url.is_some() {
            return Err(Failure::usage(
                "`postel doctor` takes the API's address from the stack, not from --url or POSTEL_URL.",
            )
            .hint("Name the stack: --stack NAME."));
        }
        if let Some(name) = stack {
            return Ok(Self {
                name: name.to_owned(),
                aws: Aws::of_user(region),
                local: None,
            });
        }
        let local = local_stack::running().ok_or_else(|| {
            Failure::usage("No local stack is up, and no stack is named.")
                .hint("`postel doctor --stack postel` looks at a stack on AWS; `make up` starts a local one.")
        })?;
        let mut cloud = local.cloud.clone();
        if let Some(region) = region {
            region.clone_into(&mut cloud.region);
        }
        Ok(Self {
            name: local.name.clone(),
            aws: Aws::local(&cloud),
            local: Some(local),
        })
    }

    /// What is looked at, for the report's first line.
    pub(super) fn spoken(&self) -> String {
        match &self.local {
            Some(local) => format!(
                "Stack {} on the local cloud, {}",
                self.name, local.cloud.endpoint
            ),
            None => format!("Stack {} on AWS", self.name),
        }
    }

    /// The API's address.
    fn api_url(&self, stack: &Stack) -> Option<String> {
        match &self.local {
            Some(local) => Some(local.target.url.clone()),
            None => stack.api_url(&self.aws).ok(),
        }
    }

    /// The API with the operator's key: that of POSTEL_KEY, of the secret, or of the local stack.
    pub(super) fn api(
        &self,
        stack: &Stack,
        secret: Option<String>,
    ) -> Result<Option<Client>, Failure> {
        let given = std::env::var("POSTEL_KEY")
            .ok()
            .filter(|key| !key.trim().is_empty());
        let local = || {
            self.local
                .as_ref()
                .and_then(|local| local.target.key.clone())
        };
        let Some(url) = self.api_url(stack) else {
            return Ok(None);
        };
        let target = Target {
            url,
            key: given.or(secret).or_else(local),
            tenant: None,
            origin: format!("stack {}", self.name),
        };
        Client::new(target, |_| ()).map(Some)
    }
}

impl Caller {
    pub(super) async fn find(aws: &Aws) -> Result<Self, AwsError> {
        let answer = aws.call(&CALLER, &[]).await?;
        let id = text(&answer, "UserId");
        Ok(Self {
            arn: text(&answer, "Arn"),
            account: answer
                .member("Account")
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            // For a role it is followed by the session's name.
            id: id.split(':').next().unwrap_or_default().to_owned(),
        })
    }
}

impl Site {
    /// Whether this is a local cloud, where other values are right than on AWS.
    pub(super) fn is_local(&self) -> bool {
        self.aws.is_local()
    }

    /// The physical id of a resource.
    pub(super) fn id(&self, logical: &str) -> Option<&str> {
        let resource = self.stack.resources.get(logical)?;
        Some(resource.id.as_str())
    }
}

/// The region of an ARN.
pub(super) fn region_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(3).filter(|region| !region.is_empty())
}
