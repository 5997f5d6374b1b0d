//! The local stack: `make up` writes its addresses and keys into `.local/outputs.json`, or
//! `.local/<port>/outputs.json` for another port than 4566 (infra/local/settings.py).

use std::env;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::aws::LocalCloud;
use crate::target::Target;

const DEFAULT_PORT: &str = "4566";
/// On loopback a refusal takes microseconds.
const CONNECT: Duration = Duration::from_millis(500);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outputs {
    api_url: String,
    operator_key: String,
    #[serde(default)]
    stack_name: String,
    #[serde(default)]
    events_queue_url: String,
    #[serde(default)]
    aws_endpoint_url: String,
    #[serde(default)]
    region: String,
    #[serde(default)]
    access_key_id: String,
    #[serde(default)]
    secret_access_key: String,
}

/// A local stack that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalStack {
    pub(crate) target: Target,
    /// Its name in CloudFormation.
    pub(crate) name: String,
    pub(crate) events_queue_url: String,
    pub(crate) cloud: LocalCloud,
}

/// The stack of this folder or of one above, if something listens at its address.
pub(crate) fn running() -> Option<LocalStack> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    if let Some(file) = set("POSTEL_OUTPUTS") {
        return at(Path::new(&file));
    }
    if let Some(state) = set("POSTEL_STATE_DIR") {
        return at(&Path::new(&state).join("outputs.json"));
    }
    let port = set("POSTEL_PORT").and_then(|port| port.into_string().ok());
    let here = env::current_dir().ok()?;
    here.ancestors()
        .map(|folder| outputs(folder, port.as_deref()))
        .find(|file| file.is_file())
        .and_then(|file| at(&file))
}

fn outputs(folder: &Path, port: Option<&str>) -> PathBuf {
    let local = folder.join(".local");
    match port {
        None | Some(DEFAULT_PORT) => local.join("outputs.json"),
        Some(port) => local.join(port).join("outputs.json"),
    }
}

fn at(file: &Path) -> Option<LocalStack> {
    let outputs: Outputs = serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()?;
    let url = Url::parse(&outputs.api_url).ok()?;
    let address = (url.host_str()?, url.port_or_known_default()?)
        .to_socket_addrs()
        .ok()?
        .next()?;
    // A stack that was ended leaves its file.
    TcpStream::connect_timeout(&address, CONNECT).ok()?;
    Some(LocalStack {
        target: Target {
            url: outputs.api_url,
            key: Some(outputs.operator_key),
            tenant: None,
            origin: format!("local stack, {}", file.display()),
        },
        name: outputs.stack_name,
        events_queue_url: outputs.events_queue_url,
        cloud: LocalCloud {
            endpoint: outputs.aws_endpoint_url,
            region: outputs.region,
            access_key_id: outputs.access_key_id,
            secret_access_key: outputs.secret_access_key,
        },
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_files_are_where_the_local_stack_writes_them() {
        let root = Path::new("/p");
        for (port, file) in [
            (None, "/p/.local/outputs.json"),
            (Some("4566"), "/p/.local/outputs.json"),
            (Some("4700"), "/p/.local/4700/outputs.json"),
        ] {
            assert_eq!(outputs(root, port), Path::new(file));
        }
    }

    #[test]
    fn a_stack_that_has_ended_is_not_talked_to() {
        let folder = env::temp_dir().join(format!("postel-cli-local-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("outputs.json");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::fs::write(
            &file,
            format!(r#"{{"apiUrl": "http://{address}/x", "operatorKey": "k", "region": "r"}}"#),
        )
        .unwrap();
        let found = at(&file).unwrap();
        assert_eq!(found.target.key.as_deref(), Some("k"));
        assert_eq!(found.cloud.region, "r");
        drop(listener);
        assert_eq!(at(&file), None);
        assert_eq!(at(&folder.join("none.json")), None);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
