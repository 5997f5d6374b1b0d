//! Where a webhook is delivered: to a receiver, or into the stack itself.

use super::{DenyReason, EgressPolicy, TargetUrl};

/// The URL of a webhook that is delivered into the stack itself: see [`crate::inbox`]. Exactly this
/// text, in no other spelling; the guard accepts no other URL of its scheme.
pub const INBOX_URL: &str = "postel:inbox";

/// Where a webhook is delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Into the stack itself.
    Inbox,
    /// To a receiver.
    Receiver(TargetUrl),
}

impl EgressPolicy {
    /// Accepts a URL that a webhook may have: [`INBOX_URL`], or one that [`Self::parse`] accepts.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn destination(&self, raw: &str) -> Result<Destination, DenyReason> {
        if raw == INBOX_URL {
            return Ok(Destination::Inbox);
        }
        self.parse(raw).map(Destination::Receiver)
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::strict;
    use super::*;

    #[test]
    fn the_inbox_has_one_spelling_and_no_other_url_of_its_scheme_is_accepted() {
        let local = EgressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()], true, vec![]);
        for policy in [strict(), local] {
            let inbox = policy.destination(INBOX_URL);
            assert_eq!(inbox, Ok(Destination::Inbox));
            // Nothing is ever sent to it over the network.
            assert_eq!(policy.parse(INBOX_URL), Err(DenyReason::Scheme));
            for other in [
                "postel:",
                "postel:inboxes",
                "postel:outbox",
                "postel:inbox/",
                "postel:inbox?x",
                "postel:inbox#x",
                "postel:inbox\n",
                " postel:inbox",
                "Postel:inbox",
                "postel:Inbox",
                "postel:%69nbox",
                "postel:/inbox",
                "postel://inbox",
                "postel://inbox/",
                "postel:inbox@example.com",
                "p\u{43e}stel:inbox",
            ] {
                assert!(policy.destination(other).is_err(), "{other}");
            }
        }
        let receiver = strict().destination("https://example.com/");
        assert!(matches!(receiver, Ok(Destination::Receiver(_))));
    }
}
