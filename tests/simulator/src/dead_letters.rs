//! The dead-letter table in memory.

use std::collections::BTreeMap;

use domain::dead_letter::{Body, DeadLetter};
use domain::ids::{DeadLetterId, TenantId};
use domain::time::Time;
use domain::ulid::Ulid;

#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) dead: DeadLetter,
    pub(crate) redriven_at: Option<Time>,
    pub(crate) redriven_by: Option<Ulid>,
}

#[derive(Default)]
pub(crate) struct DeadLetters {
    pub(crate) kept: BTreeMap<DeadLetterId, Kept>,
}

impl DeadLetters {
    /// Writes a dead letter. An existing one stays unchanged.
    pub(crate) fn put_dead_letter(&mut self, dead: &DeadLetter) {
        self.kept.entry(dead.id).or_insert_with(|| Kept {
            dead: dead.clone(),
            redriven_at: None,
            redriven_by: None,
        });
    }

    /// If it is a message, its body is removed.
    pub(crate) fn erase(&mut self, id: DeadLetterId) {
        if let Some(kept) = self.kept.get_mut(&id)
            && let Body::Message { text, .. } = &mut kept.dead.body
        {
            *text = None;
        }
    }

    pub(crate) fn is_waiting(&self, id: DeadLetterId) -> bool {
        self.kept
            .get(&id)
            .is_some_and(|kept| kept.redriven_at.is_none())
    }

    pub(crate) fn mark(&mut self, id: DeadLetterId, job: Option<Ulid>, now: Time) {
        if let Some(kept) = self.kept.get_mut(&id) {
            (kept.redriven_at, kept.redriven_by) = (Some(now), job);
        }
    }

    /// A tenant's dead letters of deliveries that are not redriven, and those that `job` has
    /// redriven, from a key on.
    pub(crate) fn step(
        &self,
        tenant: &TenantId,
        job: Ulid,
        until: Option<Time>,
        from: Option<&str>,
        limit: usize,
    ) -> (Vec<(DeadLetter, bool)>, Option<String>) {
        let mut found: Vec<(DeadLetter, bool)> = self
            .kept
            .values()
            .filter(|kept| {
                kept.dead.tenant.as_ref() == Some(tenant)
                    && matches!(kept.dead.body, Body::Delivery(_))
                    && until.is_none_or(|until| kept.dead.at < until)
                    && from.is_none_or(|from| kept.dead.id.0.to_string().as_str() > from)
                    && (kept.redriven_at.is_none() || kept.redriven_by == Some(job))
            })
            .map(|kept| (kept.dead.clone(), kept.redriven_by == Some(job)))
            .collect();
        let is_more = found.len() > limit;
        found.truncate(limit);
        let next = found
            .last()
            .filter(|_| is_more)
            .map(|(dead, _)| dead.id.0.to_string());
        (found, next)
    }
}
