//! The report: a line or two for each check as it ends, and all of it as JSON.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::findings::{Findings, Verdict};
use crate::failure::Failure;
use crate::output::{Output, Paint, shown, wrapped};
use crate::when;

/// A terminal's usual width.
const WIDTH: usize = 80;
/// The widths of the columns before the sentences.
const VERDICT: usize = 10;
const NAME: usize = 18;

/// One check that has ended.
#[derive(Clone, Debug)]
struct Check {
    name: &'static str,
    findings: Findings,
    took: Duration,
}

pub(super) struct Report {
    out: Output,
    began: Instant,
    checks: Vec<Check>,
    spinner: ProgressBar,
}

impl Report {
    pub(super) fn new(out: Output) -> Self {
        let style = ProgressStyle::with_template("{spinner} {msg}");
        let target = match std::io::IsTerminal::is_terminal(&std::io::stderr()) {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let spinner = ProgressBar::with_draw_target(None, target);
        spinner.enable_steady_tick(Duration::from_millis(120));
        Self {
            out,
            began: Instant::now(),
            checks: Vec::new(),
            spinner: style.map_or(spinner.clone(), |style| spinner.with_style(style)),
        }
    }

    /// A line above or below the checks, for people.
    pub(super) fn line(&self, text: &str) -> Result<(), Failure> {
        match self.out.json {
            true => Ok(()),
            false => self.spinner.suspend(|| self.out.line(text)),
        }
    }

    /// What is waited for, beside a spinner.
    pub(super) fn doing(&self, what: impl Into<String>) {
        self.spinner.set_message(shown(&what.into()));
    }

    /// Prints a check that has ended and keeps it.
    pub(super) fn add(
        &mut self,
        name: &'static str,
        findings: Findings,
        took: Duration,
    ) -> Result<(), Failure> {
        let check = Check {
            name,
            findings,
            took,
        };
        for line in lines(self.out, &check) {
            self.line(&line)?;
        }
        self.checks.push(check);
        Ok(())
    }

    fn count(&self, verdict: Verdict) -> usize {
        let all = self.checks.iter();
        all.filter(|check| check.findings.verdict() == verdict)
            .count()
    }

    /// Whether a check has failed.
    pub(super) fn has_failed(&self) -> bool {
        self.count(Verdict::Fail) > 0
    }

    /// The last lines, or everything as JSON.
    pub(super) fn finish(&self, about: Value) -> Result<(), Failure> {
        self.spinner.finish_and_clear();
        let took = self.began.elapsed();
        let counts = [Verdict::Ok, Verdict::Warn, Verdict::Fail, Verdict::NotSeen]
            .map(|verdict| (verdict, self.count(verdict)));
        if self.out.json {
            let checks: Vec<Value> = self.checks.iter().map(Check::json).collect();
            let counts: serde_json::Map<String, Value> = counts
                .iter()
                .map(|(verdict, count)| (verdict.code().to_owned(), Value::from(*count)))
                .collect();
            let mut all = about;
            if let Some(members) = all.as_object_mut() {
                members.insert("counts".to_owned(), Value::Object(counts));
                members.insert("seconds".to_owned(), json!(rounded(took)));
                members.insert("checks".to_owned(), Value::Array(checks));
            }
            return self.out.json(&all);
        }
        let counts = counts.map(|(verdict, count)| {
            let paint = if count == 0 {
                Paint::Plain
            } else {
                paint(verdict)
            };
            self.out
                .paint(paint, &format!("{count} {}", verdict.word()))
        });
        self.out.line("")?;
        self.out
            .line(&format!("{} in {}.", counts.join(", "), when::spoken(took)))
    }
}

impl Check {
    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "result": self.findings.verdict().code(),
            "detail": self.findings.detail(),
            "advice": self.findings.advice(),
            "seconds": rounded(self.took),
        })
    }
}

/// Seconds with one decimal.
fn rounded(took: Duration) -> f64 {
    (took.as_secs_f64() * 10.0).round() / 10.0
}

const fn paint(verdict: Verdict) -> Paint {
    match verdict {
        Verdict::Ok => Paint::Good,
        Verdict::Warn | Verdict::NotSeen => Paint::Waiting,
        Verdict::Fail => Paint::Bad,
    }
}

/// Verdict, name and sentences in columns; below them what to do.
fn lines(out: Output, check: &Check) -> Vec<String> {
    let verdict = check.findings.verdict();
    let indent = " ".repeat(VERDICT + NAME);
    let room = WIDTH - VERDICT - NAME;
    let mut lines = Vec::new();
    for (n, part) in wrapped(&check.findings.detail(), room).iter().enumerate() {
        lines.push(match n {
            0 => format!(
                "{}{}{:<NAME$}{part}",
                out.paint(paint(verdict), verdict.word()),
                " ".repeat(VERDICT - verdict.word().len()),
                check.name
            ),
            _ => format!("{indent}{part}"),
        });
    }
    for advice in check.findings.advice() {
        for (n, part) in wrapped(advice, room - 4).iter().enumerate() {
            let mark = if n == 0 { "Do: " } else { "    " };
            lines.push(format!("{indent}{mark}{part}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_a_terminal_and_says_what_to_do_below() {
        let mut findings = Findings::default();
        findings.fail(
            "The account allows 10 concurrent executions; the stack's queues may ask for 109.",
            "Request a higher quota.",
        );
        let check = Check {
            name: "concurrency",
            findings,
            took: Duration::ZERO,
        };
        let plain = Output {
            json: false,
            colours: false,
        };
        assert_eq!(
            lines(plain, &check),
            [
                "FAIL      concurrency       The account allows 10 concurrent executions; the",
                "                            stack's queues may ask for 109.",
                "                            Do: Request a higher quota.",
            ]
        );
        assert_eq!(check.json()["result"], "fail");
    }
}
