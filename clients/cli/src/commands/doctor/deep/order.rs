//! Steps run side by side; the report has them in one order.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;

use super::super::findings::{Findings, Verdict};
use super::super::report::Report;
use super::super::timed;
use crate::failure::Failure;

/// The report's order, and what is said while a step is waited for.
const STEPS: [(&str, &str); 8] = [
    ("deep.tenant", "making a temporary tenant"),
    ("deep.http", "publishing over HTTP"),
    ("deep.sqs", "publishing over SQS"),
    ("deep.delay", "waiting for a retry by SQS"),
    ("deep.dead-letter", "waiting for a dead letter"),
    ("deep.redrive", "redriving it"),
    ("deep.urls", "trying hostile URLs"),
    ("deep.schedule", "waiting for a retry by a schedule"),
];

/// A step that has ended.
struct Ended {
    name: &'static str,
    findings: Findings,
    took: Duration,
}

/// Where the steps say that they have ended.
pub(super) struct Steps(mpsc::UnboundedSender<Ended>);

/// Where the report hears of it.
pub(super) struct Heard(mpsc::UnboundedReceiver<Ended>);

pub(super) fn steps() -> (Steps, Heard) {
    let (steps, heard) = mpsc::unbounded_channel();
    (Steps(steps), Heard(heard))
}

impl Steps {
    /// Runs a step to its end; how it ended.
    pub(super) async fn run(
        &self,
        name: &'static str,
        step: impl Future<Output = Findings>,
    ) -> Verdict {
        let (findings, took) = timed(step).await;
        let verdict = findings.verdict();
        // Nobody hears it after an error of the report, which ends the steps.
        let _ = self.0.send(Ended {
            name,
            findings,
            took,
        });
        verdict
    }
}

impl Heard {
    /// Reports each step as soon as it and those before it have ended. `waits` says more of a step
    /// that is waited for.
    pub(super) async fn report(
        mut self,
        report: &mut Report,
        waits: impl Fn(&str) -> Option<String>,
    ) -> Result<(), Failure> {
        let mut early: Vec<Ended> = Vec::new();
        for (name, doing) in STEPS {
            report.doing(waits(name).unwrap_or_else(|| doing.to_owned()));
            // Without an end, the step was left out.
            if let Some(ended) = self.next(name, &mut early).await {
                report.add(ended.name, ended.findings, ended.took)?;
            }
        }
        // What says why steps were left out.
        for ended in early {
            report.add(ended.name, ended.findings, ended.took)?;
        }
        Ok(())
    }

    /// The end of a step, nothing if the steps are over without it. Others that end before are
    /// kept.
    async fn next(&mut self, name: &str, early: &mut Vec<Ended>) -> Option<Ended> {
        loop {
            if let Some(at) = early.iter().position(|ended| ended.name == name) {
                return Some(early.swap_remove(at));
            }
            early.push(self.0.recv().await?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ends(steps: &Steps, names: &[&'static str]) {
        for name in names {
            let findings = std::future::ready(Findings::ok("well"));
            assert_eq!(steps.run(name, findings).await, Verdict::Ok);
        }
    }

    #[tokio::test]
    async fn a_step_that_ends_early_is_kept_until_its_turn_and_one_left_out_is_passed_over() {
        let (steps, mut heard) = steps();
        ends(&steps, &["deep.urls", "deep.tenant", "deep.rest"]).await;
        drop(steps);
        let (mut early, mut found) = (Vec::new(), Vec::new());
        for (name, _) in STEPS {
            found.extend(heard.next(name, &mut early).await.map(|ended| ended.name));
        }
        assert_eq!(found, ["deep.tenant", "deep.urls"]);
        let rest: Vec<&str> = early.iter().map(|ended| ended.name).collect();
        assert_eq!(rest, ["deep.rest"]);
    }
}
