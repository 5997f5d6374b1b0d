//! `postel login` and `postel logout`.

use serde_json::json;

use crate::api::{Client, operations};
use crate::ask;
use crate::aws::{Aws, Stack, operator_key};
use crate::context::Options;
use crate::failure::{Done, Exit, Failure};
use crate::member::Member as _;
use crate::output::{Output, note, text};
use crate::profiles::{Profile, Profiles};
use crate::target::Target;

/// Save an address and a key as a profile.
///
/// The key is asked for without echo, or read from standard input. It is checked and then saved in
/// a file that only you can read.
#[derive(Debug, clap::Args)]
pub(crate) struct Login {
    /// The profile's name
    #[arg(default_value = "default")]
    name: String,
    /// Take address and operator's key from this CloudFormation stack, with the AWS CLI and your
    /// AWS credentials
    #[arg(long, conflicts_with = "url")]
    stack: Option<String>,
}

/// Forget a profile and its key.
#[derive(Debug, clap::Args)]
pub(crate) struct Logout {
    /// The profile's name
    #[arg(default_value = "default")]
    name: String,
}

impl Login {
    pub(super) async fn run(self, options: &Options) -> Done {
        let (url, key) = match &self.stack {
            Some(stack) => of_stack(stack).await?,
            None => {
                let url = match &options.url {
                    Some(url) => url.clone(),
                    None if ask::can() => ask::line("Address of the API: ")?,
                    None => {
                        return Err(
                            Failure::usage("There is no address.").hint("Add --url https://…")
                        );
                    }
                };
                // Before the key is asked for: a wrong address must not get it.
                Target {
                    url: url.clone(),
                    origin: "--url".to_owned(),
                    ..Target::default()
                }
                .base()?;
                (url, ask::secret("Key: ")?)
            }
        };
        let target = Target {
            url: url.clone(),
            key: Some(key.clone()),
            tenant: None,
            origin: "this login".to_owned(),
        };
        let me = Client::new(target, note)?
            .json(&operations::ME.call())
            .await?;
        let tenant = options
            .tenant
            .clone()
            .or_else(|| me.member("tenantId").as_str().map(str::to_owned));
        let mut profiles = Profiles::load()?;
        profiles.put(
            &self.name,
            Profile {
                url: url.clone(),
                key,
                tenant: tenant.clone(),
            },
        );
        let path = profiles.save()?;
        let value = json!({"profile": self.name, "url": url, "kind": me.member("kind"), "tenant": tenant, "file": path.to_string_lossy()});
        let whose = tenant.map_or_else(
            || "no tenant".to_owned(),
            |tenant| format!("tenant {tenant}"),
        );
        let sentence = format!(
            "Saved as profile {} in {}: {} ({whose}).",
            self.name,
            path.display(),
            text(&me, "kind")
        );
        Output::new(options.json).done(&sentence, &value)?;
        Ok(Exit::Done)
    }
}

impl Logout {
    pub(super) fn run(self) -> Done {
        let mut profiles = Profiles::load()?;
        if !profiles.remove(&self.name) {
            return Err(Failure::new(
                Exit::NotFound,
                "not_found",
                format!("There is no profile {}.", self.name),
            ));
        }
        profiles.save()?;
        note(&format!(
            "Profile {} is forgotten here. Its key stays valid: `postel keys delete` ends it.",
            self.name
        ));
        Ok(Exit::Done)
    }
}

/// Address and operator's key of a stack on AWS, or on the local cloud that AWS_ENDPOINT_URL names.
async fn of_stack(name: &str) -> Result<(String, String), Failure> {
    let aws = Aws::of_user(None);
    let stack = Stack::describe(&aws, name).await?;
    let url = stack.api_url(&aws)?;
    let key = operator_key(&aws, stack.output("OperatorSecretArn")?).await?;
    Ok((url, key))
}
