//! An event as filters see it.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::json::{Node, parse};
use super::{Filter, pattern};
use crate::event::Event;
use crate::event_type::EventType;
use crate::payload::Content;
use crate::tenant::Webhook;

/// `{type, data, context}` of an event.
pub struct Document<'a> {
    pub(super) root: Node<'a>,
}

impl<'a> Document<'a> {
    /// Parses an event's content.
    #[must_use]
    pub fn new(event_type: &'a EventType, content: &'a Content) -> Self {
        // Stored data were JSON when they came in.
        let read = |text| parse(text).unwrap_or(Node::Null);
        let context = content.context.iter();
        let context = context.map(|(name, text)| (Cow::from(name.as_str()), read(text)));
        let members = [
            Node::Text(event_type.as_str().into()),
            read(&content.data),
            Node::Object(context.collect()),
        ];
        let names = pattern::ROOTS.map(Cow::from);
        Self {
            root: Node::Object(names.into_iter().zip(members).collect()),
        }
    }
}

/// Decides which webhooks an event is for. Its data are parsed once, and only if a webhook with a
/// filter asks.
pub struct Selection<'a> {
    event_type: &'a EventType,
    content: Option<&'a Content>,
    document: OnceCell<Option<Document<'a>>>,
}

impl<'a> Selection<'a> {
    /// Of an event.
    #[must_use]
    pub fn of(event: &'a Event) -> Self {
        Self::new(&event.event_type, event.payload.content())
    }

    /// The same by its parts; an erased event has no content.
    #[must_use]
    pub fn new(event_type: &'a EventType, content: Option<&'a Content>) -> Self {
        Self {
            event_type,
            content,
            document: OnceCell::new(),
        }
    }

    /// Whether the webhook subscribes to the event: to its type, and by its filter. Whether it is
    /// active is another question.
    #[must_use]
    pub fn is_for(&self, webhook: &Webhook) -> bool {
        webhook.selects(self.event_type) && !self.is_filtered_from(webhook)
    }

    /// Whether the webhook's filter does not match the event. Nothing matches what was erased: it
    /// is not known what it was.
    #[must_use]
    pub fn is_filtered_from(&self, webhook: &Webhook) -> bool {
        webhook.filter.as_ref().is_some_and(|filter| {
            let document = self.document();
            document.is_none_or(|document| !filter.matches(document))
        })
    }

    /// The event's document; `None` if its content was erased.
    #[must_use]
    pub fn document(&self) -> Option<&Document<'a>> {
        let parsed = || Some(Document::new(self.event_type, self.content?));
        self.document.get_or_init(parsed).as_ref()
    }

    /// What the webhook's filter says field by field, if it has one and the event its content.
    #[must_use]
    pub fn verdict(&self, filter: &Filter) -> Option<super::Verdict> {
        self.document().map(|document| filter.verdict(document))
    }
}
