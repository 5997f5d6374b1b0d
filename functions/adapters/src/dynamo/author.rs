//! Who ends a resource, as an attribute of its row.
//!
//! A deletion cannot write into the row that it deletes. So its author is written just before it,
//! and the table's stream reports the attribute with the deleted row. If the process dies between
//! the two writes, nothing is deleted, and whoever deletes it later writes the attribute again.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::author::Author;
use domain::ports::{Fault, Stage};

use super::{Item, from_item, to_item};

/// The author as a value.
pub(crate) fn of_author(by: &Author, stage: Stage) -> Result<AttributeValue, Fault> {
    to_item(by, stage).map(AttributeValue::M)
}

/// The author in a row. `None` if there is none, or one that this version does not know: it is only
/// shown, and must not make the row unreadable.
pub(crate) fn author_in(row: &Item, name: &str) -> Option<Author> {
    let author = row.get(name)?.as_m().ok()?.clone();
    from_item(author, Stage::ReadConfig).ok()
}

#[cfg(test)]
mod tests {
    use domain::ids::KeyId;

    use super::*;
    use crate::dynamo::s;

    #[test]
    fn an_author_reads_as_written_and_an_unknown_one_is_none() {
        let key = Author::Key {
            id: KeyId::new([1; 16]),
            name: None,
        };
        for author in [key, Author::Operator { id: None }, Author::Postel] {
            let value = of_author(&author, Stage::WriteConfig).unwrap();
            let row = Item::from([("by".to_owned(), value)]);
            assert_eq!(author_in(&row, "by"), Some(author));
            assert_eq!(author_in(&row, "other"), None);
        }
        let robot = AttributeValue::M(Item::from([("kind".to_owned(), s("robot"))]));
        for value in [robot, s("key")] {
            let row = Item::from([("by".to_owned(), value)]);
            assert_eq!(author_in(&row, "by"), None);
        }
    }
}
