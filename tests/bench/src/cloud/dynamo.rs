//! DynamoDB's calls, answered from memory and counted as DynamoDB charges them.

use serde_json::{Value, json};

use super::expression::{Scope, holds, updated};
use super::size::{Item, bytes, read_units, write_units};
use super::store::{Store, index_units, key};
use crate::tally::Units;

/// An answer, and what it consumed of which table.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) table: String,
    pub(crate) units: Units,
}

fn text<'a>(from: &'a Item, name: &str) -> Result<&'a str, String> {
    from.get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("no {name}"))
}

fn object<'a>(from: &'a Item, name: &str) -> Result<&'a Item, String> {
    from.get(name)
        .and_then(Value::as_object)
        .ok_or_else(|| format!("no {name}"))
}

pub(crate) fn answer(store: &mut Store, operation: &str, asked: &Item) -> Result<Answered, String> {
    match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" => write(store, operation, asked),
        "GetItem" => {
            let table = text(asked, "TableName")?;
            let found = store.get(table, object(asked, "Key")?)?;
            let units = read_units(found.as_ref().map_or(0, bytes), consistent(asked));
            let body = found.map_or_else(|| json!({}), |item| json!({"Item": item}));
            Ok(read(table, body, units))
        }
        "Query" => query(store, asked),
        "TransactWriteItems" => transact(store, asked),
        other => Err(format!("no operation {other}")),
    }
}

fn consistent(asked: &Item) -> bool {
    asked.get("ConsistentRead") == Some(&Value::Bool(true))
}

fn read(table: &str, body: Value, units: f64) -> Answered {
    Answered {
        status: 200,
        body,
        table: table.to_owned(),
        units: Units {
            read: units,
            ..Units::default()
        },
    }
}

fn query(store: &Store, asked: &Item) -> Result<Answered, String> {
    let table = text(asked, "TableName")?;
    // No item of the bench is due or dead when an index is queried.
    if asked.contains_key("IndexName") {
        return Ok(read(
            table,
            json!({"Items": [], "Count": 0}),
            read_units(0, false),
        ));
    }
    let values = asked
        .get("ExpressionAttributeValues")
        .and_then(Value::as_object);
    let condition = text(asked, "KeyConditionExpression")?;
    let pk = values
        .and_then(|values| key(values, ":pk").ok())
        .ok_or("the partition is not called :pk")?;
    let from = values
        .and_then(|values| {
            [":sk", ":event", ":webhook", ":floor"]
                .iter()
                .find_map(|name| key(values, name).ok())
        })
        .unwrap_or_default();
    let (mut items, mut size) = (Vec::new(), 0);
    for item in store.partition(table, pk, from) {
        let item = item?;
        let scope = Scope {
            names: asked
                .get("ExpressionAttributeNames")
                .and_then(Value::as_object),
            values,
            item: Some(&item),
        };
        if !holds(condition, &scope)? {
            break;
        }
        size += bytes(&item);
        items.push(item);
    }
    let body = json!({"Count": items.len(), "ScannedCount": items.len(), "Items": items});
    Ok(read(table, body, read_units(size, consistent(asked))))
}

/// The effect of one write, before it is applied.
struct Change {
    table: String,
    at: Item,
    before: Option<Item>,
    /// `None` if the condition does not hold.
    after: Option<Option<Item>>,
    base: f64,
    index: f64,
}

fn change(store: &Store, operation: &str, asked: &Item) -> Result<Change, String> {
    let table = text(asked, "TableName")?.to_owned();
    let at = object(
        asked,
        if operation == "PutItem" {
            "Item"
        } else {
            "Key"
        },
    )?;
    let before = store.get(&table, at)?;
    let scope = Scope {
        names: asked
            .get("ExpressionAttributeNames")
            .and_then(Value::as_object),
        values: asked
            .get("ExpressionAttributeValues")
            .and_then(Value::as_object),
        item: before.as_ref(),
    };
    let allowed = match asked.get("ConditionExpression").and_then(Value::as_str) {
        Some(condition) => holds(condition, &scope)?,
        None => true,
    };
    let after = match operation {
        "DeleteItem" => None,
        "ConditionCheckItem" => before.clone(),
        "PutItem" => Some(at.clone()),
        _ => {
            let start = before.clone().unwrap_or_else(|| at.clone());
            Some(
                match asked.get("UpdateExpression").and_then(Value::as_str) {
                    Some(update) if allowed => updated(update, &scope, start)?,
                    _ => start,
                },
            )
        }
    };
    let size = |item: Option<&Item>| item.map_or(0, bytes);
    Ok(Change {
        base: write_units(if allowed {
            size(before.as_ref()).max(size(after.as_ref()))
        } else {
            size(before.as_ref())
        }),
        index: if allowed {
            index_units(&table, before.as_ref(), after.as_ref())
        } else {
            0.0
        },
        at: at.clone(),
        after: allowed.then_some(after),
        table,
        before,
    })
}

fn apply(store: &mut Store, change: &Change) -> Result<(), String> {
    match &change.after {
        Some(Some(item)) => store.put(&change.table, item),
        Some(None) => store.delete(&change.table, &change.at),
        None => Ok(()),
    }
}

fn refused(change: &Change, asked: &Item) -> Value {
    let shown = asked
        .get("ReturnValuesOnConditionCheckFailure")
        .and_then(Value::as_str)
        == Some("ALL_OLD");
    match change.before.as_ref().filter(|_| shown) {
        Some(item) => json!({"Item": item}),
        None => json!({}),
    }
}

fn write(store: &mut Store, operation: &str, asked: &Item) -> Result<Answered, String> {
    let change = change(store, operation, asked)?;
    let (status, body) = if change.after.is_none() {
        let mut body = refused(&change, asked);
        body["__type"] = json!("com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException");
        body["message"] = json!("The conditional request failed");
        (400, body)
    } else if let (Some("ALL_OLD"), Some(before)) = (
        asked.get("ReturnValues").and_then(Value::as_str),
        &change.before,
    ) {
        (200, json!({"Attributes": before}))
    } else if let (Some("UPDATED_NEW"), Some(Some(after))) = (
        asked.get("ReturnValues").and_then(Value::as_str),
        &change.after,
    ) {
        // With the attributes that were not changed: their size is not charged.
        (200, json!({"Attributes": after}))
    } else {
        (200, json!({}))
    };
    apply(store, &change)?;
    Ok(Answered {
        status,
        body,
        units: Units {
            write: change.base,
            index: change.index,
            read: 0.0,
        },
        table: change.table,
    })
}

/// Twice the units, except for the indexes.
fn transact(store: &mut Store, asked: &Item) -> Result<Answered, String> {
    let members = asked
        .get("TransactItems")
        .and_then(Value::as_array)
        .ok_or("no TransactItems")?;
    let (mut changes, mut reasons) = (Vec::new(), Vec::new());
    for member in members {
        let (kind, inner) = member
            .as_object()
            .and_then(|member| member.iter().next())
            .ok_or("an empty member")?;
        let inner = inner.as_object().ok_or("a member that is no object")?;
        let operation = format!("{kind}Item");
        let change = change(store, &operation, inner)?;
        reasons.push(if change.after.is_some() {
            json!({"Code": "None"})
        } else {
            let mut reason = refused(&change, inner);
            reason["Code"] = json!("ConditionalCheckFailed");
            reason
        });
        changes.push(change);
    }
    let holds = changes.iter().all(|change| change.after.is_some());
    let mut units = Units::default();
    for change in &changes {
        units.write += 2.0 * change.base;
        if holds {
            units.index += change.index;
            apply(store, change)?;
        }
    }
    let (status, body) = if holds {
        (200, json!({}))
    } else {
        (
            400,
            json!({"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "message": "cancelled", "CancellationReasons": reasons}),
        )
    };
    let table = changes
        .first()
        .map(|change| change.table.clone())
        .unwrap_or_default();
    Ok(Answered {
        status,
        body,
        table,
        units,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(store: &mut Store, value: Value) -> Answered {
        answer(store, "PutItem", value.as_object().unwrap()).unwrap()
    }

    #[test]
    fn a_put_that_must_be_new_is_refused_once_it_is_there_and_shows_what_is() {
        let mut store = Store::default();
        let asked = json!({"TableName": "log", "Item": {"pk": {"S": "a"}, "sk": {"S": "b"}, "x": {"S": "y".repeat(1500)}},
            "ConditionExpression": "attribute_not_exists(pk)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"});
        let first = put(&mut store, asked.clone());
        assert_eq!((first.status, first.units.write), (200, 2.0));
        let second = put(&mut store, asked);
        assert_eq!((second.status, second.units.write), (400, 2.0));
        assert_eq!(second.body["Item"]["pk"]["S"], "a");
    }

    #[test]
    fn a_transaction_costs_twice_and_does_all_or_nothing() {
        let mut store = Store::default();
        let item = |sk: &str| json!({"Put": {"TableName": "log", "Item": {"pk": {"S": "a"}, "sk": {"S": sk}}, "ConditionExpression": "attribute_not_exists(pk)"}});
        let asked = |keys: [&str; 2]| {
            json!({"TransactItems": keys.map(item)})
                .as_object()
                .unwrap()
                .clone()
        };
        let done = answer(&mut store, "TransactWriteItems", &asked(["1", "2"])).unwrap();
        assert_eq!((done.status, done.units.write), (200, 4.0));
        let undone = answer(&mut store, "TransactWriteItems", &asked(["3", "1"])).unwrap();
        assert_eq!((undone.status, store.count("log")), (400, 2));
        assert_eq!(
            undone.body["CancellationReasons"][1]["Code"],
            "ConditionalCheckFailed"
        );
    }
}
