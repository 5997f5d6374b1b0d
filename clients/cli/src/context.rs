//! What every command gets: the API, the tenant and the output.

use serde_json::Value;

use crate::api::{Client, operations};
use crate::ask;
use crate::failure::{Exit, Failure};
use crate::member::Member as _;
use crate::output::{Output, note};
use crate::target::{Given, Target};

/// The options that every command takes.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// A profile that `postel login` saved
    #[arg(
        long,
        global = true,
        env = "POSTEL_PROFILE",
        help_heading = "Everywhere"
    )]
    profile: Option<String>,
    /// The API's address; POSTEL_KEY has its key
    #[arg(long, global = true, env = "POSTEL_URL", help_heading = "Everywhere")]
    pub(crate) url: Option<String>,
    /// The tenant; with a tenant's key it is known
    #[arg(
        long,
        short,
        global = true,
        env = "POSTEL_TENANT",
        help_heading = "Everywhere"
    )]
    pub(crate) tenant: Option<String>,
    /// Print JSON for programs
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
    /// Do not ask before a deletion or a redrive
    #[arg(long, short, global = true, help_heading = "Everywhere")]
    pub(crate) yes: bool,
}

pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) out: Output,
    pub(crate) options: Options,
}

impl Context {
    pub(crate) fn new(options: Options) -> Result<Self, Failure> {
        let target = Target::find(Given {
            url: set(options.url.as_deref()),
            // Not an option: everybody on the machine can read a command line.
            key: set(std::env::var("POSTEL_KEY").ok().as_deref()),
            profile: set(options.profile.as_deref()),
            tenant: set(options.tenant.as_deref()),
        })?;
        Ok(Self {
            client: Client::new(target, note)?,
            out: Output::new(options.json),
            options,
        })
    }

    /// The tenant that was named, or whose key this is.
    pub(crate) async fn tenant(&self) -> Result<String, Failure> {
        if let Some(tenant) = &self.client.target.tenant {
            return Ok(tenant.clone());
        }
        let me = self.client.json(&operations::ME.call()).await?;
        me.member("tenantId")
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| {
                Failure::usage("This key is no tenant's, so name the tenant.").hint(
                    "Add --tenant ID, or set POSTEL_TENANT. `postel tenants list` lists them.",
                )
            })
    }

    /// Asks, unless `--yes` answers already.
    pub(crate) fn confirm(&self, question: &str) -> Result<(), Failure> {
        if self.options.yes {
            return Ok(());
        }
        match ask::yes(question)? {
            true => Ok(()),
            false => Err(Failure::new(
                Exit::Usage,
                "not_confirmed",
                "Nothing was done.",
            )),
        }
    }

    /// What was done, for people or for programs.
    pub(crate) fn done(&self, sentence: &str, value: &Value) -> Result<Exit, Failure> {
        self.out.done(sentence, value)?;
        Ok(Exit::Done)
    }
}

fn set(text: Option<&str>) -> Option<String> {
    text.map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}
