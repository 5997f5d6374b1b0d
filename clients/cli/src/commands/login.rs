//! `postel login` and `postel logout`.

use std::process::Command;

use serde_json::{Value, json};

use crate::api::{Client, operations};
use crate::ask;
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
            Some(stack) => of_stack(stack)?,
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

/// Address and operator's key of a stack on AWS. Through the AWS CLI: it knows every kind of
/// credentials, and this program needs no AWS library for a single command.
fn of_stack(stack: &str) -> Result<(String, String), Failure> {
    let described = aws(&[
        "cloudformation",
        "describe-stacks",
        "--stack-name",
        stack,
        "--output",
        "json",
    ])?;
    let described: Value = serde_json::from_str(&described).unwrap_or_default();
    let outputs = described
        .pointer("/Stacks/0/Outputs")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let output = |name: &str| {
        let found = outputs
            .iter()
            .find(|output| output.member("OutputKey") == name);
        found
            .and_then(|output| output.member("OutputValue").as_str())
            .map(str::to_owned)
            .ok_or_else(|| {
                Failure::new(
                    Exit::NotFound,
                    "not_found",
                    format!("The stack {stack} has no output {name}."),
                )
                .hint("Is it a stack of Postel? Its template is infra/template.yaml.")
            })
    };
    let secret = output("OperatorSecretArn")?;
    let key = aws(&[
        "secretsmanager",
        "get-secret-value",
        "--secret-id",
        &secret,
        "--query",
        "SecretString",
        "--output",
        "text",
    ])?;
    Ok((output("ApiUrl")?, key.trim().to_owned()))
}

fn aws(arguments: &[&str]) -> Result<String, Failure> {
    let done = Command::new("aws")
        .args(arguments)
        .output()
        .map_err(|error| {
            Failure::usage(format!("The AWS CLI (`aws`) cannot be run: {error}."))
                .hint("Install it, or log in with --url and the operator's key.")
        })?;
    match done.status.success() {
        true => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
        false => Err(Failure::new(
            Exit::Key,
            "aws",
            String::from_utf8_lossy(&done.stderr).trim().to_owned(),
        )
        .hint("Check the credentials and the region: AWS_PROFILE, AWS_REGION.")),
    }
}
