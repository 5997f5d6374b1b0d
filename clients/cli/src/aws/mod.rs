//! AWS, through the user's own `aws`.
//!
//! It knows every kind of credentials, every region and every proxy, and this program needs no
//! library of AWS for its few calls. A call is a process of half a second, so several run at once.

mod calls;
mod error;
mod stack;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Semaphore;

pub(crate) use calls::*;
pub(crate) use error::{AwsError, Kind};
pub(crate) use stack::{Stack, operator_key};

/// How many processes run at once: each has its own Python.
const MAX_PROCESSES: usize = 6;

/// The AWS CLI with the credentials that it finds, or with those of the local cloud.
#[derive(Clone, Debug)]
pub(crate) struct Aws {
    /// What differs from this program's own environment.
    environment: Vec<(&'static str, String)>,
    /// Of a cloud that is not AWS. As an option too: version 1 of the AWS CLI does not read the
    /// variable for SQS.
    endpoint: Option<String>,
    is_local: bool,
    processes: Arc<Semaphore>,
}

/// Address and credentials of a local cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalCloud {
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
}

impl Aws {
    /// With the user's own profile, region and credentials.
    pub(crate) fn of_user(region: Option<&str>) -> Self {
        let mut environment = Vec::new();
        if let Some(region) = region {
            // The first is what the AWS CLI looks at first.
            environment.push(("AWS_REGION", region.to_owned()));
            environment.push(("AWS_DEFAULT_REGION", region.to_owned()));
        }
        let endpoint = std::env::var("AWS_ENDPOINT_URL")
            .ok()
            .filter(|endpoint| !endpoint.is_empty());
        let is_local = endpoint.as_ref().is_some_and(|endpoint| {
            let local = ["http://127.0.0.1:", "http://localhost:"];
            local.iter().any(|local| endpoint.starts_with(local))
        });
        Self::new(environment, endpoint, is_local)
    }

    /// With the local cloud's, whatever the user's profile says.
    pub(crate) fn local(cloud: &LocalCloud) -> Self {
        let environment = vec![
            ("AWS_ENDPOINT_URL", cloud.endpoint.clone()),
            ("AWS_REGION", cloud.region.clone()),
            ("AWS_DEFAULT_REGION", cloud.region.clone()),
            ("AWS_ACCESS_KEY_ID", cloud.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", cloud.secret_access_key.clone()),
            ("AWS_SESSION_TOKEN", String::new()),
            ("AWS_PROFILE", String::new()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
            ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
        ];
        Self::new(environment, Some(cloud.endpoint.clone()), true)
    }

    fn new(
        environment: Vec<(&'static str, String)>,
        endpoint: Option<String>,
        is_local: bool,
    ) -> Self {
        Self {
            environment,
            endpoint,
            is_local,
            processes: Arc::new(Semaphore::new(MAX_PROCESSES)),
        }
    }

    /// The same for calls that must not wait until others have ended.
    pub(crate) fn apart(&self) -> Self {
        Self {
            processes: Arc::new(Semaphore::new(MAX_PROCESSES)),
            ..self.clone()
        }
    }

    /// Whether it talks to a local cloud.
    pub(crate) const fn is_local(&self) -> bool {
        self.is_local
    }

    /// The address of that local cloud.
    pub(super) fn local_endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref().filter(|_| self.is_local)
    }

    /// The version of the AWS CLI, as it says it itself.
    pub(crate) async fn version(&self) -> Result<String, AwsError> {
        let text = self.run(CALLER.action, &["--version"]).await?;
        let first = text.split_whitespace().next().unwrap_or("unknown");
        Ok(first.to_owned())
    }

    /// Calls AWS and gives its answer.
    pub(crate) async fn call(&self, call: &AwsCall, arguments: &[&str]) -> Result<Value, AwsError> {
        let mut all = vec![call.service, call.command];
        all.extend_from_slice(arguments);
        all.extend_from_slice(&["--output", "json", "--cli-connect-timeout", "10"]);
        all.extend_from_slice(&["--cli-read-timeout", "30"]);
        if let Some(endpoint) = &self.endpoint {
            all.extend_from_slice(&["--endpoint-url", endpoint]);
        }
        let text = self.run(call.action, &all).await?;
        match text.trim() {
            "" => Ok(Value::Null),
            text => serde_json::from_str(text).map_err(|_| AwsError::unreadable(call.action)),
        }
    }

    /// The same with a JSON object as its parameters. It goes as a file that only its owner can
    /// read: everybody on the machine can read a command line, a text of it has at most 128 KiB,
    /// and version 1 of the AWS CLI cannot read it from a pipe.
    pub(crate) async fn send(&self, call: &AwsCall, input: &Value) -> Result<Value, AwsError> {
        let name = crate::input::random().unwrap_or_default();
        let file = std::env::temp_dir().join(format!("postel-{}-{name}.json", std::process::id()));
        let file = Temporary(file);
        file.write(&input.to_string())
            .map_err(|error| AwsError::no_file(call.action, &error))?;
        let argument = format!("file://{}", file.0.display());
        self.call(call, &["--cli-input-json", &argument]).await
    }

    async fn run(&self, action: &'static str, arguments: &[&str]) -> Result<String, AwsError> {
        let mut command = Command::new("aws");
        command
            .args(arguments)
            // Neither a pager nor colours, and few tries: a check is repeated by its user.
            .env("AWS_PAGER", "")
            .env("AWS_CLI_AUTO_PROMPT", "off")
            .env("AWS_MAX_ATTEMPTS", "3")
            .env("AWS_RETRY_MODE", "standard")
            .stdin(Stdio::null())
            // Ctrl-C is for this program, which tidies up with further calls.
            .process_group(0);
        for (name, value) in &self.environment {
            match value.is_empty() {
                true => command.env_remove(name),
                false => command.env(name, value),
            };
        }
        // It is never closed.
        let _permit = self.processes.acquire().await;
        let done = tokio::task::spawn_blocking(move || command.output()).await;
        let done = done.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        let done = done.map_err(|error| AwsError::no_cli(action, &error))?;
        match done.status.success() {
            true => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
            false => Err(AwsError::of(action, &String::from_utf8_lossy(&done.stderr))),
        }
    }
}

/// A file that is deleted when it is not needed any more.
struct Temporary(PathBuf);

impl Temporary {
    fn write(&self, text: &str) -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.0)?;
        file.write_all(text.as_bytes())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Left over, it is one file of a few kilobytes that only its owner can read.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_parameters_of_a_call_are_their_owners_alone_and_do_not_stay() {
        let path = std::env::temp_dir().join(format!("postel-test-{}.json", std::process::id()));
        let file = Temporary(path.clone());
        file.write("{}").unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(
            Temporary(path.clone()).write("{}").is_err(),
            "it replaced a file"
        );
        drop(file);
        assert!(!path.exists());
    }
}
