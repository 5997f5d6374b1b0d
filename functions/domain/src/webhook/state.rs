//! What became of a webhook, in a word: from its own settings and the marks of the dispatchers.

use crate::tenant::Webhook;
use crate::time::Time;

/// The state of a webhook: the first of these that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookState {
    /// Postel switched it off.
    Disabled,
    /// Its owner switched it off.
    Inactive,
    /// Its receiver fails.
    Failing,
    /// Its receiver is slow.
    Slow,
    /// It gets events.
    Active,
}

impl WebhookState {
    /// All, for filters and the document.
    pub const ALL: [Self; 5] = [
        Self::Disabled,
        Self::Inactive,
        Self::Failing,
        Self::Slow,
        Self::Active,
    ];

    /// Those that the operator should know of.
    pub const TROUBLED: [Self; 3] = [Self::Disabled, Self::Failing, Self::Slow];

    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Inactive => "inactive",
            Self::Failing => "failing",
            Self::Slow => "slow",
            Self::Active => "active",
        }
    }
}

/// Which marks of the dispatchers a change leaves as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptMarks {
    /// That it is slow.
    pub slow: bool,
    /// That it fails.
    pub failing: bool,
}

impl Webhook {
    /// Its state.
    #[must_use]
    pub fn state(&self) -> WebhookState {
        match (self.active, self.disabled) {
            (false, Some(_)) => WebhookState::Disabled,
            (false, None) => WebhookState::Inactive,
            _ if self.failing_since.is_some() => WebhookState::Failing,
            _ if self.is_slow() => WebhookState::Slow,
            _ => WebhookState::Active,
        }
    }

    /// Whether it has a mark that the operator's list is made of.
    #[must_use]
    pub fn is_troubled(&self) -> bool {
        self.disabled.is_some() || self.failing_since.is_some() || self.slow_since.is_some()
    }

    /// When it was switched off, by Postel or by its owner. `None` if it was created so.
    #[must_use]
    pub fn off_since(&self) -> Option<Time> {
        self.switched.last().copied().filter(|_| !self.active)
    }

    /// The marks that stay if this webhook replaces `before`. A new URL has none, and a webhook
    /// that is switched on again starts without failures.
    #[must_use]
    pub fn kept_marks(&self, before: &Self) -> KeptMarks {
        let is_same_url = self.url == before.url;
        let starts_again = self.active && !before.active;
        KeptMarks {
            slow: is_same_url,
            failing: is_same_url && !starts_again,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::author::Author;
    use crate::delivery::DisableReason;
    use crate::webhook::testing::{at, webhook};

    #[test]
    fn the_first_state_that_applies_is_told() {
        let all = |active, disabled, failing, slow| Webhook {
            active,
            disabled: Some(DisableReason::Gone).filter(|_| disabled),
            failing_since: Some(at(1)).filter(|_| failing),
            slow_since: Some(at(1)).filter(|_| slow),
            ..webhook()
        };
        for (active, disabled, failing, slow, state) in [
            (false, true, true, true, WebhookState::Disabled),
            (false, false, true, true, WebhookState::Inactive),
            (true, false, true, true, WebhookState::Failing),
            (true, false, false, true, WebhookState::Slow),
            (true, false, false, false, WebhookState::Active),
        ] {
            let webhook = all(active, disabled, failing, slow);
            assert_eq!(webhook.state(), state);
            assert_eq!(webhook.is_troubled(), disabled || failing || slow);
        }
    }

    #[test]
    fn it_is_off_since_its_last_switch() {
        let switched = |active| Webhook {
            active,
            switched: vec![at(3), at(5)],
            ..webhook()
        };
        assert_eq!(switched(false).off_since(), Some(at(5)));
        assert_eq!(switched(true).off_since(), None);
        assert_eq!(webhook().off_since(), None);
    }

    #[test]
    fn a_new_url_has_no_mark_and_a_new_start_no_failures() {
        let before = Webhook {
            active: false,
            failing_since: Some(at(1)),
            slow_since: Some(at(1)),
            ..webhook()
        };
        let marks = |change: fn(&mut Webhook)| {
            let mut after = before.clone();
            change(&mut after);
            let after = after.replacing(&before, &Author::Postel, at(9));
            (after.failing_since.is_some(), after.slow_since.is_some())
        };
        assert_eq!(marks(|webhook| webhook.name = None), (true, true));
        assert_eq!(marks(|webhook| webhook.active = true), (false, true));
        assert_eq!(marks(|webhook| webhook.url.push('x')), (false, false));
    }
}
