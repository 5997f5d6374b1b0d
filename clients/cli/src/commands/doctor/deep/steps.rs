//! The steps of `--deep`, each a finding.

use std::time::{Duration, Instant};

use domain::contract::{Contract, Secret, builtin};
use domain::time::Time;
use serde_json::{Value, json};

use super::super::findings::{Findings, Verdict};
use super::waits::{Patience, RETRY, SOON};
use super::{Deep, Hook, Scheduled};
use crate::api::operations;
use crate::aws::{SCHEDULES, SEND};
use crate::failure::Failure;
use crate::member::Member as _;
use crate::output::text;
use crate::when;

/// The Scheduler fires within a minute of its time, and the retry then passes a queue.
const LATE: Duration = Duration::from_secs(120);

impl Deep<'_> {
    /// Published over HTTP, delivered, and signed with the webhook's secret.
    pub(super) async fn over_http(&self) -> Findings {
        let began = Instant::now();
        let published = self.publish("http").await;
        self.arrived("over HTTP", began, published).await
    }

    /// The same over SQS, under the caller's own role.
    pub(super) async fn over_sqs(&self) -> Findings {
        let Some(url) = self.site.stack.outputs.get("EventsQueueUrl") else {
            return Findings::not_seen("The stack's outputs were not read.", "See `stack` here.");
        };
        let id = self.event("sqs");
        let body = json!({"id": id, "tenantId": self.tenant, "type": "doctor.sqs", "data": {"from": "postel doctor", "run": self.run}});
        let entry =
            json!({"Id": "0", "MessageBody": body.to_string(), "MessageGroupId": self.tenant});
        let mut findings = Findings::default();
        let answer = self
            .aws
            .send(&SEND, &json!({"QueueUrl": url, "Entries": [entry]}))
            .await;
        // From here on: how long the AWS CLI takes to start says nothing about Postel.
        let began = Instant::now();
        let Some(answer) = findings.take("The events queue", answer) else {
            return findings;
        };
        if let Some(failed) = answer.pointer("/Failed/0") {
            let text = format!(
                "SQS refuses the message: {} ({})",
                text(failed, "Message"),
                text(failed, "Code")
            );
            findings.fail(text, "Read what SQS says.");
            return findings;
        }
        let mut arrived = self.arrived("over SQS", began, Ok(id)).await;
        if arrived.verdict() == Verdict::Fail {
            self.explain_rejection(&mut arrived).await;
        }
        arrived
    }

    /// Why a message did not become an event: its dead letter says it.
    async fn explain_rejection(&self, findings: &mut Findings) {
        let call = operations::ALL_DEAD_LETTERS.call().query("limit", Some(20));
        let page = self.client.json(&call).await.unwrap_or_default();
        let all = page.member("items").as_array();
        let own = all.into_iter().flatten().find(|letter| {
            text(letter, "kind") == "message"
                && (text(letter, "tenantId") == self.tenant || text(letter, "tenantId").is_empty())
        });
        if let Some(letter) = own {
            findings.fail(
                format!(
                    "A message became a dead letter, {}: {}",
                    text(letter, "reason"),
                    text(letter, "detail")
                ),
                format!("postel dead-letters get {}", text(letter, "id")),
            );
        }
    }

    async fn arrived(
        &self,
        how: &str,
        began: Instant,
        published: Result<String, Failure>,
    ) -> Findings {
        let mut findings = Findings::default();
        let found = match published {
            Ok(event) => self.received(&self.hooks().plain, &event, 1, SOON).await,
            Err(failure) => {
                findings.failure(&format!("Publishing {how}"), &failure);
                return findings;
            }
        };
        let took = began.elapsed();
        match found {
            Err(failure) => findings.failure(&format!("An event {how} did not arrive"), &failure),
            Ok(found) => match found
                .first()
                .map(|request| signed(&self.hooks().plain, request))
            {
                Some(Ok(())) => findings.fine(format!(
                    "An event {how} was delivered after {:.1} s; its signature is right.",
                    took.as_secs_f64()
                )),
                Some(Err(why)) => findings.fail(
                    format!("An event {how} was delivered, but its signature is wrong: {why}"),
                    "Report it with this text: no receiver can verify such a request.",
                ),
                None => {}
            },
        }
        findings
    }

    /// A retry that waits in SQS.
    pub(super) async fn delay(&self) -> Findings {
        if self.limit() < 2 {
            return Findings::not_seen(
                format!(
                    "QueueDelayLimitSeconds is {}: every retry is a schedule.",
                    self.limit()
                ),
                "",
            );
        }
        let mut findings = Findings::default();
        let seen = async {
            let event = self.publish("delay").await?;
            self.received(&self.hooks().delay, &event, 2, RETRY).await
        };
        match seen.await {
            Ok(requests) => findings.fine(format!(
                "The receiver failed once; the retry came {:.1} s later, by a delayed message ({} s were due).",
                between(&requests).as_secs_f64(),
                self.soon()
            )),
            Err(failure) => findings.failure("A retry over SQS did not come", &failure),
        }
        findings
    }

    /// A delivery that exhausts its schedule.
    pub(super) async fn dead_letter(&self) -> Findings {
        let mut findings = Findings::default();
        let seen = async {
            let event = self.publish("dead").await?;
            self.delivery(&event, &["failed"], RETRY).await
        };
        match seen.await {
            Ok(delivery) => findings.fine(format!(
                "The receiver failed {} times; the delivery became a dead letter ({}).",
                text(&delivery, "attempts"),
                text(&delivery, "errorCode")
            )),
            Err(failure) => findings.failure("No dead letter came", &failure),
        }
        findings
    }

    /// The dead letter is started again and delivered.
    pub(super) async fn redrive(&self) -> Findings {
        let mut findings = Findings::default();
        let event = self.event("dead");
        let began = Instant::now();
        let seen = async {
            let call = self
                .one(&operations::DEAD_LETTERS)
                .query("webhookId", Some(&self.hooks().dead.id));
            let page = self.client.json(&call).await?;
            let id = text(page.pointer("/items/0").unwrap_or(&Value::Null), "id");
            if id.is_empty() {
                return Ok(false);
            }
            let call = self
                .one(&operations::DEAD_LETTER_REDRIVE)
                .at("deadLetterId", &id);
            self.client.json(&call.repeatable()).await?;
            self.delivery(&event, &["completed"], SOON)
                .await
                .map(|_| true)
        };
        match seen.await {
            Ok(true) => findings.fine(format!(
                "Its redrive was delivered after {:.1} s.",
                began.elapsed().as_secs_f64()
            )),
            Ok(false) => {
                return Findings::not_seen(
                    "There is no dead letter to redrive.",
                    "See `deep.dead-letter` here.",
                );
            }
            Err(failure) => findings.failure("The redrive was not delivered", &failure),
        }
        findings
    }

    /// Publishes the event whose retry needs a schedule, and waits until that is due.
    pub(super) async fn begin_schedule(&self) -> Result<(), Failure> {
        let event = self.publish("schedule").await?;
        let delivery = self.delivery(&event, &["retrying"], RETRY).await?;
        // It runs once.
        let _ = self.scheduled.set(Scheduled {
            event,
            delivery: text(&delivery, "id"),
            due: Time::parse_rfc3339(&text(&delivery, "nextAttemptAt")),
        });
        Ok(())
    }

    /// The schedule exists, and its retry is delivered.
    pub(super) async fn end_schedule(&self, begun: Result<(), Failure>) -> Findings {
        let mut findings = Findings::default();
        let scheduled = match (self.scheduled.get(), begun) {
            (Some(scheduled), Ok(())) => scheduled,
            (_, Err(failure)) => {
                let what = "The delivery that a schedule should carry";
                findings.failure(what, &failure);
                return findings;
            }
            (None, Ok(())) => return findings,
        };
        let due = scheduled.due;
        let there = self.schedule_is_there(scheduled, &mut findings).await;
        let left = due.map_or(Duration::ZERO, |due| due.since(when::now()));
        let at = due.map(Time::rfc3339).unwrap_or_default();
        if left + LATE > self.patience {
            if there {
                findings.fine(format!("A schedule is made for {at}."));
            }
            findings.add(
                Verdict::NotSeen,
                format!(
                    "Its retry is due at {at}, in {}; --wait {} is shorter.",
                    when::spoken(left),
                    when::spoken(self.patience)
                ),
                format!(
                    "Give it the time: --wait {}m.",
                    (left + LATE).as_secs() / 60 + 1
                ),
            );
            return findings;
        }
        tokio::time::sleep(left).await;
        let late = Patience {
            within: LATE,
            ..RETRY
        };
        match self
            .received(&self.hooks().schedule, &scheduled.event, 2, late)
            .await
        {
            Err(failure) => findings.failure("The retry of a schedule did not come", &failure),
            Ok(requests) => {
                let came = requests
                    .get(1)
                    .and_then(|request| Time::parse_rfc3339(&text(request, "receivedAt")));
                let late = came
                    .zip(due)
                    .map_or(Duration::ZERO, |(came, due)| came.since(due));
                findings.fine(format!(
                    "The receiver failed once; a schedule retried after {}, {:.1} s late.",
                    when::spoken(between(&requests)),
                    late.as_secs_f64()
                ));
            }
        }
        findings
    }

    /// Whether the Scheduler has the delivery's schedule. One that has fired is gone.
    async fn schedule_is_there(&self, scheduled: &Scheduled, findings: &mut Findings) -> bool {
        // The Scheduler knows whole seconds.
        let may_have_fired = || {
            let due = scheduled.due;
            due.is_none_or(|due| due.since(when::now()) <= Duration::from_secs(2))
        };
        let Some(group) = self.group().filter(|_| !may_have_fired()) else {
            return false;
        };
        let delivery = scheduled.delivery.as_str();
        let arguments = ["--group-name", group, "--name-prefix", delivery];
        let Some(listed) = findings.take(
            "The schedule group",
            self.aws.call(&SCHEDULES, &arguments).await,
        ) else {
            return false;
        };
        let is_there = listed
            .member("Schedules")
            .as_array()
            .is_some_and(|all| !all.is_empty());
        if !is_there && !may_have_fired() {
            findings.warn(
                format!("The Scheduler has no schedule for the retry of {delivery}."),
                "See the log of the function dispatcher for faults of the stage Enqueue; the sweeper finds the retry when it is due.",
            );
        }
        is_there
    }
}

/// The time between two requests of an inbox.
fn between(requests: &[Value]) -> Duration {
    let at = |n: usize| {
        requests
            .get(n)
            .and_then(|request| Time::parse_rfc3339(&text(request, "receivedAt")))
    };
    at(1)
        .zip(at(0))
        .map_or(Duration::ZERO, |(second, first)| second.since(first))
}

/// Verifies a request as its receiver would, with the secret that was shown once.
fn signed(hook: &Hook, request: &Value) -> Result<(), String> {
    let contract: Contract =
        builtin("standard").ok_or("this program lacks the contract standard.")?;
    let all = request.member("headers").as_object();
    let headers: Vec<(String, String)> = all
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    let at = Time::parse_rfc3339(&text(request, "receivedAt")).unwrap_or_else(when::now);
    let secrets = [Secret::new(hook.secret.clone())];
    let check = contract
        .verify(&headers, text(request, "body").as_bytes(), &secrets, at)
        .ok_or("the contract standard does not sign.")?;
    let wrong = check.checks.iter().find(|check| !check.has_passed);
    match wrong {
        None => Ok(()),
        Some(wrong) => Err(wrong.detail.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_of_another_secret_is_not_right() {
        let hook = Hook {
            id: "wh".to_owned(),
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
        };
        let request = json!({"receivedAt": "2021-02-25T15:02:10Z", "body": "{\"test\": 2432232314}", "headers": {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}});
        assert_eq!(signed(&hook, &request), Ok(()));
        let other = Hook {
            secret: "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            ..hook
        };
        assert!(signed(&other, &request).is_err());
    }

    #[test]
    fn the_time_between_two_requests_is_measured() {
        let requests = [
            json!({"receivedAt": "2026-01-31T12:00:00.000Z"}),
            json!({"receivedAt": "2026-01-31T12:00:02.500Z"}),
        ];
        assert_eq!(between(&requests), Duration::from_millis(2500));
        assert_eq!(between(&requests[..1]), Duration::ZERO);
    }
}
