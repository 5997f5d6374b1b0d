//! The progress of a job: a bar, and what Ctrl-C does.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{left_running, spoken};
use crate::api::operations;
use crate::ask;
use crate::context::Context;
use crate::failure::{Done, Exit, Failure};
use crate::member::Member as _;
use crate::output::{note, text};
use crate::when;

const EVERY: Duration = Duration::from_millis(500);
/// How often no answer may come in a row. The job runs on meanwhile.
const MAX_MISSES: u32 = 20;

/// What a person wants of a job at Ctrl-C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Stop,
    Leave,
    Watch,
}

impl Wish {
    fn of(answer: &str) -> Option<Self> {
        match answer.to_lowercase().as_str() {
            "s" | "stop" => Some(Self::Stop),
            "l" | "leave" => Some(Self::Leave),
            "" | "w" | "watch" => Some(Self::Watch),
            _ => None,
        }
    }
}

pub(super) struct Watcher<'a> {
    context: &'a Context,
    tenant: String,
    id: String,
    bar: ProgressBar,
    began: Instant,
    /// What was done when the watching began.
    first: Option<u64>,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(context: &'a Context, tenant: String, id: String) -> Self {
        let target = match std::io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let style = ProgressStyle::with_template("[{bar:30}] {pos}/{len}  {msg}");
        let bar = style.map_or(bar.clone(), |style| {
            bar.with_style(style.progress_chars("=> "))
        });
        Self {
            context,
            tenant,
            id,
            bar,
            began: Instant::now(),
            first: None,
        }
    }

    pub(super) async fn run(mut self) -> Done {
        let mut misses = 0;
        // One for the whole watch: a Ctrl-C between two looks is not lost.
        let mut interrupts = signal(SignalKind::interrupt())?;
        loop {
            let job = tokio::select! {
                job = self.job() => job,
                _ = interrupts.recv() => match self.interrupted(&mut interrupts).await? {
                    Wish::Watch => continue,
                    Wish::Leave => return self.leave(),
                    Wish::Stop => return self.stop().await,
                },
            };
            match job {
                Ok(job) if text(&job, "status") == "running" => {
                    misses = 0;
                    self.draw(&job);
                }
                Ok(job) => return self.ended(&job),
                Err(failure) if failure.exit == Exit::Unavailable && misses < MAX_MISSES => {
                    misses += 1;
                    self.bar
                        .suspend(|| note(&format!("{failure}\n  The job runs on; still trying.")));
                }
                // It was never seen: the id or the key is wrong.
                Err(failure) if self.first.is_none() => return Err(failure),
                Err(failure) => {
                    return Err(failure.hint(format!(
                        "The job is not affected. Watch it: postel redrive --attach {}",
                        self.id
                    )));
                }
            }
        }
    }

    /// The job, after a while.
    async fn job(&self) -> Result<Value, Failure> {
        if self.first.is_some() {
            tokio::time::sleep(EVERY).await;
        }
        let call = operations::REDRIVE
            .call()
            .at("tenantId", &self.tenant)
            .at("redriveId", &self.id);
        self.context.client.json(&call).await
    }

    fn draw(&mut self, job: &Value) {
        let count = |member: &str| job[member].as_u64().unwrap_or(0);
        let processed = count("done") + count("failed") + count("skipped");
        let first = *self.first.get_or_insert(processed);
        self.bar.set_length(count("total"));
        self.bar.set_position(processed);
        let message = progress(
            processed.saturating_sub(first),
            count("total").saturating_sub(processed),
            self.began.elapsed(),
        );
        let failed = match count("failed") {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        self.bar.set_message(format!("{message}{failed}"));
        self.bar.tick();
    }

    fn ended(&self, job: &Value) -> Done {
        self.bar.finish_and_clear();
        self.context.out.done(&spoken(job), job)?;
        let is_whole = text(job, "status") == "completed";
        if is_whole && job.member("failed").as_u64().unwrap_or(0) > 0 && !self.context.out.json {
            note("The failed ones stay dead letters: `postel dead-letters list` shows them.");
        }
        Ok(match (is_whole, job.member("failed").as_u64()) {
            (false, _) => Exit::Interrupted,
            (true, None | Some(0)) => Exit::Done,
            (true, Some(_)) => Exit::Refused,
        })
    }

    /// Asks a person; without one, the job is left running.
    async fn interrupted(&self, interrupts: &mut Signal) -> Result<Wish, Failure> {
        if !ask::can() {
            return Ok(Wish::Leave);
        }
        loop {
            let bar = self.bar.clone();
            let asked = tokio::task::spawn_blocking(move || {
                bar.suspend(|| {
                    ask::line(
                        "\rStop the job (s), leave it running (l), or go on watching (Enter)? ",
                    )
                })
            });
            let answer = tokio::select! {
                answer = asked => answer.map_err(|error| Failure::usage(error.to_string()))??,
                // A second Ctrl-C: away, and nothing is stopped that was not asked for.
                _ = interrupts.recv() => return Ok(Wish::Leave),
            };
            if let Some(wish) = Wish::of(&answer) {
                return Ok(wish);
            }
        }
    }

    fn leave(&self) -> Done {
        self.bar.finish_and_clear();
        let id = &self.id;
        let sentence = format!(
            "The job {id} runs on. Watch it: postel redrive --attach {id}. Stop it: postel redrive --stop {id}"
        );
        self.context.out.done(&sentence, &left_running(id))?;
        Ok(Exit::Interrupted)
    }

    async fn stop(&self) -> Done {
        let call = operations::REDRIVE_CANCEL
            .call()
            .at("tenantId", &self.tenant)
            .at("redriveId", &self.id);
        let job = self.context.client.json(&call.repeatable()).await?;
        self.ended(&job)
    }
}

/// Rate and end.
fn progress(done: u64, left: u64, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    if done == 0 || seconds < 0.5 {
        return "starting".to_owned();
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = done as f64 / seconds;
    #[expect(clippy::cast_precision_loss, reason = "a time for people")]
    let rest = Duration::try_from_secs_f64(left as f64 / rate).unwrap_or_default();
    format!("{rate:.0}/s, {} left", when::spoken(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_end_are_told() {
        assert_eq!(
            progress(100, 400, Duration::from_secs(10)),
            "10/s, 40 s left"
        );
        assert_eq!(progress(0, 400, Duration::from_secs(10)), "starting");
    }

    #[test]
    fn only_a_clear_answer_stops_a_job() {
        for (answer, wish) in [
            ("s", Some(Wish::Stop)),
            ("Leave", Some(Wish::Leave)),
            ("", Some(Wish::Watch)),
            ("y", None),
            ("no", None),
        ] {
            assert_eq!(Wish::of(answer), wish, "{answer}");
        }
    }
}
