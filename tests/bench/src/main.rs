//! `make bench` and `make cost`: the resources of the machine and of AWS that Postel's functions
//! use.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people, far below where they lose a digit"
)]
#![allow(
    clippy::indexing_slicing,
    reason = "a program of the tests: what is missing ends it"
)]

mod cloud;
mod counts;
mod events;
mod lambda;
mod model;
mod options;
mod price;
mod process;
mod quotas;
mod receiver;
mod report;
mod run;
mod scenario;
mod stand;
mod start;
mod tally;
mod web;

use std::fs::OpenOptions;
use std::io::Write as _;

use options::Options;
use price::{Prices, SERVICES};
use report::Figures;
use stand::Stand;

#[tokio::main]
async fn main() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let part = arguments.next().unwrap_or_default();
    let options = Options::read(arguments)?;
    match part.as_str() {
        "run" => scenarios(&options).await,
        "start" => starts(&options).await,
        "counts" => counts(&options).await,
        "calls" => calls(&options).await,
        "cost" => cost(&options),
        "limits" => {
            print!("{}", quotas::table()?);
            Ok(())
        }
        _ => Err(options::USAGE.to_owned()),
    }
}

async fn scenarios(options: &Options) -> Result<(), String> {
    let prices = Prices::read()?;
    println!(
        "{}\nmedians of {}; USD for a million deliveries, {} of {}\n",
        report::machine(),
        options.runs,
        prices.region,
        prices.date
    );
    println!("{}", report::heads());
    let measured = serde_json::json!({"machine": report::machine(), "runs": options.runs});
    keep(options, &measured)?;
    for scenario in scenario::ALL {
        if !options.only.is_empty() && !options.only.iter().any(|name| name == scenario.name) {
            continue;
        }
        let stand = Stand::new(options.binaries.clone()).await?;
        let mut runs = Vec::new();
        for _ in 0..options.runs {
            runs.push(
                run::run(&stand, scenario)
                    .await
                    .map_err(|e| format!("{}: {e}", scenario.name))?,
            );
        }
        let figures = Figures::of(scenario.name, &runs, &prices);
        println!("{}", report::line(&figures));
        keep(options, &figures)?;
    }
    Ok(())
}

/// Adds a line to the file of figures.
fn keep(options: &Options, figures: &impl serde::Serialize) -> Result<(), String> {
    let Some(path) = &options.json else {
        return Ok(());
    };
    let line = serde_json::to_string(figures).map_err(|e| e.to_string())?;
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|e| e.to_string())?;
    writeln!(file, "{line}").map_err(|e| e.to_string())
}

async fn starts(options: &Options) -> Result<(), String> {
    let stand = Stand::new(options.binaries.clone()).await?;
    let starts = start::all(&stand, options.runs).await?;
    println!(
        "{}\nmedians of {}\n\n{}",
        report::machine(),
        options.runs,
        start::table(&starts)
    );
    for start in &starts {
        keep(options, start)?;
    }
    Ok(())
}

/// The check of the gate.
async fn counts(options: &Options) -> Result<(), String> {
    let stand = Stand::new(options.binaries.clone()).await?;
    let wrong = counts::check(&stand).await?;
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!(
        "requests or units have grown:\n{}",
        wrong.join("\n")
    ))
}

/// One scenario's counts with one tenant as JSON, to compare them with the local cloud.
async fn calls(options: &Options) -> Result<(), String> {
    let stand = Stand::new(options.binaries.clone()).await?;
    let name = options.only.first().ok_or("--only names the scenario")?;
    let mut scenario = scenario::named(name).ok_or_else(|| format!("no scenario {name}"))?;
    if let Some(events) = options.number("events") {
        scenario.events = events as usize;
    }
    if let Some(bytes) = options.number("bytes") {
        scenario.payload = bytes as usize;
    }
    if let Some(batch) = options.number("batch") {
        scenario.batch = batch as usize;
    }
    scenario.tenants = 1;
    let measured = run::run(&stand, &scenario).await?;
    println!(
        "{}",
        serde_json::to_string(&measured).map_err(|e| e.to_string())?
    );
    Ok(())
}

/// The cost for an operator's own numbers.
fn cost(options: &Options) -> Result<(), String> {
    let prices = Prices::read()?;
    let numbers = options.numbers()?;
    let usage = numbers.usage();
    let (bill, storage) = prices.bill(&usage);
    let total: f64 = bill.values().sum();
    let million = 1e6 / usage.deliveries;
    println!(
        "{:.0} events of {:.0} bytes, {} webhooks each, {:.0} % of attempts failing, receivers answer in {:.0} ms, {} messages an invocation",
        numbers.events,
        numbers.bytes,
        numbers.webhooks,
        numbers.failing * 100.0,
        numbers.latency_seconds * 1000.0,
        numbers.batch
    );
    println!(
        "{} list prices of {}, before free tiers; a bill is yours to read\n",
        prices.region, prices.date
    );
    println!(
        "| {:<22} | {:>12} | {:>22} |",
        "", "USD", "a million deliveries"
    );
    for service in SERVICES {
        println!(
            "| {service:<22} | {:>12.2} | {:>22.3} |",
            bill[service],
            bill[service] * million
        );
    }
    println!(
        "| {:<22} | {total:>12.2} | {:>22.3} |",
        "in all",
        total * million
    );
    println!(
        "| {:<22} | {storage:>12.2} | {:>22.3} |\n",
        "a month of keeping it",
        storage * million
    );
    let idle: f64 = prices.idle.iter().map(price::Idle::usd).sum();
    let parts: Vec<_> = prices
        .idle
        .iter()
        .map(|part| format!("{} {:.2}", part.what, part.usd()))
        .collect();
    println!(
        "The stack alone costs {idle:.2} a month: {}",
        parts.join(", ")
    );
    println!(
        "Wrong keys at {:.0}/s on each of {:.0} routes cost {:.2} a day. If fair queues charge for message groups, add {:.2}",
        prices.flood.requests_per_second,
        prices.flood.routes,
        prices.flood_day(),
        prices.grouped(&usage)
    );
    println!(
        "{:.2} write units, {:.2} read units, {:.2} SQS requests, {:.2} invocations, {:.0} bytes out for each delivery",
        usage.write_units / usage.deliveries,
        usage.read_units / usage.deliveries,
        usage.sqs_requests / usage.deliveries,
        usage.invocations / usage.deliveries,
        usage.wire_bytes / usage.deliveries
    );
    Ok(())
}
