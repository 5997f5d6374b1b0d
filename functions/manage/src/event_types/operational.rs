//! The entries of the operational events: in the code, and shown to the operator and to the tenant
//! that gets these events. Other tenants' pages do not offer types that they never get. An entry
//! that the operator writes for the same type takes its place.

use adapters::config::CatalogueEntry;
use adapters::delivery_store::Page;
use domain::event_type::EventType;
use domain::ids::TenantId;
use domain::operational_event::OperationalEventKind;
use domain::principal::Principal;

use crate::AppState;

/// The group in which they are shown.
const GROUP: &str = "Postel";

impl AppState {
    /// Whether the caller gets operational events, or administers who does.
    pub(super) fn shows_operational_types(&self, principal: &Principal) -> bool {
        self.operator_tenant.is_some()
            && match principal {
                Principal::Operator | Principal::OperatorSession(_) => true,
                Principal::Tenant(access) => self.is_operator_tenant(&access.tenant),
            }
    }

    /// Whether this is the tenant that gets operational events.
    pub(crate) fn is_operator_tenant(&self, tenant: &TenantId) -> bool {
        self.operator_tenant.as_ref() == Some(tenant)
    }
}

/// The entry of an operational event's type.
pub(crate) fn entry_of(event_type: &EventType) -> Option<CatalogueEntry> {
    all().find(|entry| entry.event_type == *event_type)
}

fn all() -> impl Iterator<Item = CatalogueEntry> {
    OperationalEventKind::ALL.iter().filter_map(|kind| {
        let texts = [kind.name(), kind.description(), GROUP, kind.example()];
        let [name, description, group, example] = texts.map(|text| Some(text.to_owned()));
        Some(CatalogueEntry {
            event_type: kind.as_str().parse().ok()?,
            name,
            description,
            group,
            example,
        })
    })
}

/// A page of the catalogue after `cursor`, with these entries among the operator's own.
pub(super) fn merged(
    page: Page<CatalogueEntry>,
    cursor: Option<&str>,
    limit: usize,
) -> Page<CatalogueEntry> {
    let Page {
        items: mut entries,
        mut next,
    } = page;
    let is_here = |entry: &CatalogueEntry| {
        let name = entry.event_type.as_str();
        let is_own = entries.iter().any(|own| own.event_type == entry.event_type);
        let is_after = cursor.is_none_or(|cursor| name > cursor);
        // What comes behind the page's end is on a later one.
        !is_own && is_after && next.as_deref().is_none_or(|end| name <= end)
    };
    let operational: Vec<_> = all().filter(is_here).collect();
    entries.extend(operational);
    entries.sort_by(|a, b| a.event_type.cmp(&b.event_type));
    if entries.len() > limit {
        entries.truncate(limit);
        next = entries.last().map(|entry| entry.event_type.to_string());
    }
    Page {
        items: entries,
        next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(name: &str) -> CatalogueEntry {
        CatalogueEntry {
            event_type: name.parse().unwrap(),
            name: Some("own".to_owned()),
            description: None,
            group: None,
            example: None,
        }
    }

    /// The operator's own entries after a cursor, as the table pages them.
    fn table(names: &[&str], cursor: Option<&str>, limit: usize) -> Page<CatalogueEntry> {
        let after = names.iter().filter(|n| cursor.is_none_or(|c| **n > c));
        let items: Vec<_> = after.take(limit).map(|name| own(name)).collect();
        let next = (items.len() == limit).then(|| items[limit - 1].event_type.to_string());
        Page { items, next }
    }

    #[test]
    fn every_page_size_lists_all_entries_once_and_in_order() {
        let names = ["a", "key.created", "m", "message.sent", "webhook.z", "z"];
        let mut wanted: Vec<String> = all().map(|e| e.event_type.to_string()).collect();
        wanted.extend(names.map(str::to_owned));
        wanted.sort();
        wanted.dedup();
        for limit in 1..30 {
            let (mut seen, mut cursor) = (Vec::new(), None::<String>);
            loop {
                let page = table(&names, cursor.as_deref(), limit);
                let page = merged(page, cursor.as_deref(), limit);
                assert!(page.items.len() <= limit);
                for entry in &page.items {
                    let is_own = entry.name.as_deref() == Some("own");
                    assert_eq!(is_own, names.contains(&entry.event_type.as_str()));
                    seen.push(entry.event_type.to_string());
                }
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(seen, wanted, "pages of {limit}");
        }
    }

    #[test]
    fn every_type_has_an_entry() {
        assert_eq!(all().count(), OperationalEventKind::ALL.len());
        let found = entry_of(&"key.created".parse().unwrap()).unwrap();
        assert!(found.example.unwrap().contains("\"keyId\""));
        assert!(entry_of(&"item.created".parse().unwrap()).is_none());
    }
}
