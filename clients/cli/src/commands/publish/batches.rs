//! A file of events, a hundred at a time.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::door::{Door, Outcome};
use super::lines::{self, Content, Line};
use super::patience::Patience;
use crate::failure::{Done, Exit, Failure};
use crate::input;
use crate::output::{Output, note};
use crate::when;

/// Together with the escapes that the gateway adds, far below Lambda's 6 MB.
const MAX_BATCH_BYTES: usize = 1024 * 1024;
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

/// A file and how to publish it.
pub(super) struct Job {
    pub(super) out: Output,
    pub(super) door: Door,
    pub(super) tenant: String,
    pub(super) file: String,
    pub(super) resume: Option<Resume>,
    /// How many events are sent at a time.
    pub(super) size: usize,
    /// How long to go on without any progress.
    pub(super) patience: Duration,
    /// The options that the command to go on needs too.
    pub(super) options: String,
}

/// What has become of the lines so far.
struct Run<'a> {
    job: &'a Job,
    patience: Patience,
    name: String,
    /// The first line that is not known to be accepted or refused.
    next: u64,
    accepted: u64,
    duplicates: u64,
    refused: u64,
    bar: ProgressBar,
}

pub(super) async fn publish(job: Job) -> Done {
    let resume = job.resume.clone().map_or_else(
        || {
            Ok(Resume {
                run: input::random()?,
                line: 1,
            })
        },
        Ok::<_, Failure>,
    )?;
    let mut lines = lines::read(&job.file, &resume.run)?;
    let mut run = Run {
        job: &job,
        patience: Patience::new(job.patience),
        name: resume.run,
        next: resume.line,
        accepted: 0,
        duplicates: 0,
        refused: 0,
        bar: spinner(job.door.verb()),
    };
    let began = Instant::now();
    let ended = tokio::select! {
        ended = run.all(&mut lines) => ended,
        _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "interrupted", "Interrupted.")),
    };
    run.bar.finish_and_clear();
    match ended {
        Ok(()) => run.finished(began.elapsed()),
        Err(failure) => Err(run.go_on(failure)),
    }
}

fn spinner(verb: &str) -> ProgressBar {
    let template = format!("{{spinner}} {{pos}} events {verb}, {{per_sec}} {{msg}}");
    let style = ProgressStyle::with_template(&template);
    let target = match std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(None, target);
    style.map_or(bar.clone(), |style| bar.with_style(style))
}

impl Run<'_> {
    async fn all(&mut self, lines: &mut tokio::sync::mpsc::Receiver<Line>) -> Result<(), Failure> {
        let size = self.job.size;
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
        loop {
            let events: Vec<&RawValue> = batch.iter().map(|(_, event)| &**event).collect();
            let outcomes = self.job.door.send(&self.job.tenant, &events).await?;
            let before = self.accepted + self.refused;
            let (mut left, mut later) = (Vec::new(), None);
            for ((number, event), outcome) in batch.into_iter().zip(outcomes) {
                match outcome {
                    Outcome::Accepted { is_duplicate } => {
                        self.accepted += 1;
                        self.duplicates += u64::from(is_duplicate);
                    }
                    Outcome::Refused { code, detail } => self.refuse(number, &code, &detail),
                    Outcome::Later { why, wait } => {
                        later = Some((why, wait));
                        left.push((number, event));
                    }
                }
            }
            self.bar.set_position(self.accepted);
            let Some((why, asked)) = later else { break };
            if let Some((number, _)) = left.first() {
                self.next = *number;
            }
            if self.accepted + self.refused > before {
                self.patience.reset();
            }
            self.pause(why, asked).await?;
            batch = left;
        }
        self.patience.reset();
        self.next = last + 1;
        Ok(())
    }

    /// Waits before the next try, or gives up.
    async fn pause(&mut self, why: Failure, asked: Option<Duration>) -> Result<(), Failure> {
        let Some(wait) = self.patience.next(asked, input::chance()?) else {
            let mut given_up = why;
            given_up.detail = format!(
                "Line {} is not {} for {}: {}",
                self.next,
                self.job.door.verb(),
                when::spoken(self.job.patience),
                given_up.detail
            );
            return Err(given_up);
        };
        if wait >= Duration::from_secs(1) {
            let status = why.status.map_or(why.code, |status| status.to_string());
            let told = format!("{status}: trying again in {} s", wait.as_secs());
            self.bar.suspend(|| note(&told));
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }

    fn refuse(&mut self, number: u64, code: &str, detail: &str) {
        self.refused += 1;
        if self.refused <= MAX_TOLD {
            let told = format!("line {number}: {detail} ({code})");
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
            "{} events {}{duplicates}, {} refused",
            self.accepted,
            self.job.door.verb(),
            self.refused
        )
    }

    fn finished(&self, took: Duration) -> Done {
        let sentence = format!("{} in {}.", self.spoken(), crate::when::spoken(took));
        self.job.out.done(&sentence, &self.summary())?;
        Ok(if self.refused == 0 {
            Exit::Done
        } else {
            Exit::Refused
        })
    }

    fn go_on(&self, mut failure: Failure) -> Failure {
        let command = format!(
            "postel publish {}{} --resume {}:{}",
            self.job.file, self.job.options, self.name, self.next
        );
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
        if self.job.out.json {
            // The program reads the counts where it reads them of a whole run.
            let _ = self.job.out.json(&self.summary());
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
