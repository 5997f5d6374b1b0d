//! `postel`: the command line. It talks to the HTTP API, and to AWS through the user's own `aws`;
//! docs/cli.md has its commands.

mod api;
mod ask;
mod aws;
mod commands;
mod context;
mod failure;
mod input;
mod local_stack;
mod member;
mod output;
mod profiles;
mod target;
mod when;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::main()
}
