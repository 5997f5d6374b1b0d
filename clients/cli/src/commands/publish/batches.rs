//! A file of events over HTTP, a hundred a request.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::lines::{self, Content, Line};
use crate::api::operations;
use crate::context::Context;
use crate::failure::{Done, Exit, Failure};
use crate::input;
use crate::member::Member as _;
use crate::output::{note, text};

/// Together with the escapes that the gateway adds, far below Lambda's 6 MB.
const MAX_BATCH_BYTES: usize = 1024 * 1024;
/// How often an event is sent that Postel cannot accept at the moment.
const MAX_TRIES: u32 = 5;
/// How many refusals are printed one by one.
const MAX_TOLD: u64 = 20;

/// Where an interrupted run goes on: its name, which its events' ids begin with, and a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resume {
    run: String,
    line: u64,
}

impl Resume {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parsed = text.split_once(':').and_then(|(run, line)| {
            let is_run =
                (1..=40).contains(&run.len()) && run.bytes().all(|b| b.is_ascii_alphanumeric());
            let line = line.parse().ok().filter(|line| *line > 0)?;
            is_run.then(|| Self {
                run: run.to_owned(),
                line,
            })
        });
        parsed.ok_or_else(|| format!("`{text}` is not RUN:LINE, as an interrupted run printed it"))
    }
}

/// What has become of the lines so far.
struct Run<'a> {
    context: &'a Context,
    tenant: &'a str,
    name: String,
    /// The first line that is not known to be accepted or refused.
    next: u64,
    accepted: u64,
    duplicates: u64,
    refused: u64,
    bar: ProgressBar,
}

pub(super) async fn publish(
    context: &Context,
    tenant: &str,
    file: &str,
    resume: Option<Resume>,
    size: usize,
) -> Done {
    let resume = resume.map_or_else(
        || {
            Ok(Resume {
                run: input::random()?,
                line: 1,
            })
        },
        Ok::<_, Failure>,
    )?;
    let mut lines = lines::read(file, &resume.run)?;
    let mut run = Run {
        context,
        tenant,
        name: resume.run,
        next: resume.line,
        accepted: 0,
        duplicates: 0,
        refused: 0,
        bar: spinner(),
    };
    let began = Instant::now();
    let ended = tokio::select! {
        ended = run.all(&mut lines, size) => ended,
        _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "interrupted", "Interrupted.")),
    };
    run.bar.finish_and_clear();
    match ended {
        Ok(()) => run.finished(began.elapsed()),
        Err(failure) => Err(run.go_on(failure, file)),
    }
}

fn spinner() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {pos} events accepted, {per_sec} {msg}");
    let target = match std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(None, target);
    style.map_or(bar.clone(), |style| bar.with_style(style))
}

impl Run<'_> {
    async fn all(
        &mut self,
        lines: &mut tokio::sync::mpsc::Receiver<Line>,
        size: usize,
    ) -> Result<(), Failure> {
        let (mut batch, mut bytes): (Vec<(u64, Box<RawValue>)>, usize) = (Vec::new(), 0);
        while let Some(line) = lines.recv().await {
            match line.content {
                _ if line.number < self.next => {}
                Content::Event(event) => {
                    if batch.len() == size || bytes + event.get().len() > MAX_BATCH_BYTES {
                        self.send(std::mem::take(&mut batch)).await?;
                        bytes = 0;
                    }
                    bytes += event.get().len();
                    batch.push((line.number, event));
                }
                Content::Wrong(why) => {
                    self.send(batch).await?;
                    self.next = line.number;
                    return Err(Failure::usage(format!(
                        "Line {} cannot be published: {why}.",
                        line.number
                    )));
                }
            }
        }
        self.send(batch).await
    }

    /// Sends a batch until each of its events is accepted or refused.
    async fn send(&mut self, mut batch: Vec<(u64, Box<RawValue>)>) -> Result<(), Failure> {
        let Some(last) = batch.last().map(|(number, _)| *number) else {
            return Ok(());
        };
        for tries in 1.. {
            let events: Vec<Box<RawValue>> = batch.iter().map(|(_, event)| event.clone()).collect();
            let call = operations::PUBLISH_BATCH
                .call()
                .at("tenantId", self.tenant)
                .array("events", &events)
                .repeatable();
            let answer = self.context.client.json(&call).await?;
            let results = answer
                .member("results")
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            let mut left = Vec::new();
            let mut passing = None;
            for (n, (number, event)) in batch.into_iter().enumerate() {
                let result = results.get(n).unwrap_or(&Value::Null);
                match result.member("status").as_u64() {
                    Some(200..300) => self.accept(result),
                    Some(400..500) if result.member("status") != 429 => self.refuse(number, result),
                    _ => {
                        passing = Some(result.clone());
                        left.push((number, event));
                    }
                }
            }
            self.bar.set_position(self.accepted);
            let Some(why) = passing else { break };
            if let Some((number, _)) = left.first() {
                self.next = *number;
            }
            if tries == MAX_TRIES {
                let detail = format!(
                    "Postel does not accept line {} at the moment: {}",
                    self.next,
                    text(&why, "error.detail")
                );
                return Err(Failure::new(Exit::Unavailable, "unavailable", detail));
            }
            tokio::time::sleep(Duration::from_secs(1 << tries)).await;
            batch = left;
        }
        self.next = last + 1;
        Ok(())
    }

    fn accept(&mut self, result: &Value) {
        self.accepted += 1;
        self.duplicates += u64::from(result.member("duplicate") == true);
    }

    fn refuse(&mut self, number: u64, result: &Value) {
        self.refused += 1;
        if self.refused <= MAX_TOLD {
            let told = format!(
                "line {number}: {} ({})",
                text(result, "error.detail"),
                text(result, "error.code")
            );
            self.bar.suspend(|| note(&told));
        }
        if self.refused == MAX_TOLD + 1 {
            self.bar
                .suspend(|| note("More lines are refused; they are counted only."));
        }
    }

    fn summary(&self) -> Value {
        json!({"accepted": self.accepted, "duplicates": self.duplicates, "refused": self.refused, "run": self.name, "nextLine": self.next})
    }

    fn spoken(&self) -> String {
        let duplicates = match self.duplicates {
            0 => String::new(),
            count => format!(" ({count} of them had been accepted before)"),
        };
        format!(
            "{} events accepted{duplicates}, {} refused",
            self.accepted, self.refused
        )
    }

    fn finished(&self, took: Duration) -> Done {
        let sentence = format!("{} in {}.", self.spoken(), crate::when::spoken(took));
        self.context.out.done(&sentence, &self.summary())?;
        Ok(if self.refused == 0 {
            Exit::Done
        } else {
            Exit::Refused
        })
    }

    fn go_on(&self, mut failure: Failure, file: &str) -> Failure {
        let command = format!("postel publish {file} --resume {}:{}", self.name, self.next);
        let go_on = format!(
            "{} so far. Go on with: {command}\nThe lines before {} are done; no event is published twice.",
            self.spoken(),
            self.next
        );
        failure.hint = Some(
            failure
                .hint
                .map_or(go_on.clone(), |hint| format!("{hint}\n{go_on}")),
        );
        if self.context.out.json {
            // The program reads the counts where it reads them of a whole run.
            let _ = self.context.out.json(&self.summary());
        }
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_resumed_by_what_it_printed() {
        assert_eq!(
            Resume::parse("0a1b:17"),
            Ok(Resume {
                run: "0a1b".to_owned(),
                line: 17
            })
        );
        for text in ["", "0a1b", "0a1b:", "0a1b:0", ":3", "a b:3", "a:-1"] {
            assert!(Resume::parse(text).is_err(), "{text}");
        }
    }
}
