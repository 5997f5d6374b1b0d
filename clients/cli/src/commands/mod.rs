//! The commands, one module each.

mod dead_letters;
mod deliveries;
mod doctor;
mod events;
mod export;
mod health;
mod keys;
mod list;
mod login;
mod portal;
mod publish;
mod redrive;
mod seed;
mod tail;
mod tenants;
mod verify;
mod webhooks;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

#[cfg(test)]
pub(crate) use list::tables;

use crate::context::{Context, Options};
use crate::failure::{Done, Exit, Failure};

/// Publish events, see what became of them, and repair what failed.
///
/// Without --url or --profile, it talks to the local stack of this folder if one is up, else to the
/// profile of the last `postel login`. `postel health` shows which.
///
/// Exit codes: 0 done, 1 refused by the API, 2 wrong usage, 3 not found, 4 no answer (repeat it),
/// 5 wrong key, 130 interrupted.
#[derive(Parser)]
#[command(
    name = "postel",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Save an address and a key as a profile
    Login(login::Login),
    /// Forget a profile and its key
    Logout(login::Logout),
    /// Show the address, the key's rights and whether the API is up
    Health,
    /// Create, change and delete tenants
    #[command(subcommand)]
    Tenants(tenants::Tenants),
    /// Create, change, test and delete webhooks
    #[command(subcommand)]
    Webhooks(webhooks::Webhooks),
    /// Create and delete API keys
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Publish one event, or a file of events
    Publish(publish::Publish),
    /// Show deliveries as they come
    Tail(tail::Tail),
    /// List, show and retry deliveries
    #[command(subcommand)]
    Deliveries(deliveries::Deliveries),
    /// List, show and explain events
    #[command(subcommand)]
    Events(events::Events),
    /// List, show, redrive and delete dead letters
    #[command(subcommand)]
    DeadLetters(dead_letters::DeadLetters),
    /// Redrive many dead letters as a job
    Redrive(redrive::Redrive),
    /// Write a whole list as NDJSON or CSV
    Export(export::Export),
    /// Check the signature of a request that a receiver got
    Verify(verify::Verify),
    /// Print a link to a tenant's portal
    Portal(portal::Portal),
    /// Make a tenant with webhooks and events, to have something to look at
    Seed(seed::Seed),
    /// Check a deployment, locally or on AWS
    Doctor(doctor::Doctor),
    /// Print the completion of a shell
    Completion {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Reads the command line, runs the command and says how it ended.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.options.json;
    let ended = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(run(cli)));
    let exit = ended.unwrap_or_else(|failure| {
        tell(&failure, json);
        failure.exit
    });
    // A thread that waits for an answer on the terminal must not keep the process.
    std::process::exit(i32::from(exit as u8))
}

fn tell(failure: &Failure, json: bool) {
    if failure.is_silent {
        return;
    }
    let text = match json {
        true => failure.to_json().to_string(),
        false => format!("postel: {failure}"),
    };
    // Nobody can be told that standard error is closed.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

async fn run(cli: Cli) -> Done {
    let context = || Context::new(cli.options.clone());
    match cli.command {
        Command::Login(login) => login.run(&cli.options).await,
        Command::Logout(logout) => logout.run(),
        Command::Verify(verify) => verify.run(&cli.options).await,
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "postel", &mut script);
            std::io::stdout().lock().write_all(&script)?;
            Ok(Exit::Done)
        }
        Command::Health => health::run(&context()?).await,
        Command::Tenants(command) => command.run(&context()?).await,
        Command::Webhooks(command) => command.run(&context()?).await,
        Command::Keys(command) => command.run(&context()?).await,
        Command::Publish(publish) => publish.run(&cli.options).await,
        Command::Doctor(doctor) => doctor.run(&cli.options).await,
        Command::Tail(command) => command.run(&context()?).await,
        Command::Deliveries(command) => command.run(&context()?).await,
        Command::Events(command) => command.run(&context()?).await,
        Command::DeadLetters(command) => command.run(&context()?).await,
        Command::Redrive(command) => command.run(&context()?).await,
        Command::Export(command) => command.run(&context()?).await,
        Command::Portal(command) => command.run(&context()?).await,
        Command::Seed(command) => command.run(&context()?).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_has_no_contradiction() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_has_a_help() {
        fn walk(command: &clap::Command, path: &str) {
            assert!(command.get_about().is_some(), "{path}");
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{path} {}",
                    argument.get_id()
                );
            }
            for sub in command.get_subcommands() {
                walk(sub, &format!("{path} {}", sub.get_name()));
            }
        }
        walk(&Cli::command(), "postel");
    }

    #[test]
    fn the_page_has_every_command() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
        let page = std::fs::read_to_string(page).unwrap();
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            assert!(page.contains(&format!("postel {name}")), "{name}");
            for sub in command.get_subcommands() {
                assert!(
                    page.contains(&format!("{name} {}", sub.get_name())),
                    "{name} {}",
                    sub.get_name()
                );
            }
        }
    }
}
