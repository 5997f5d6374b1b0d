//! Updates of one row, alone or in a transaction.
//!
//! DynamoDB creates a row if an update finds none, and such a row has only the attributes that the
//! update sets, so it cannot be read. An update here therefore begins with whether it may create
//! its row. `clippy.toml` forbids the SDK's own updates everywhere else.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use domain::ports::{Fault, OrFault as _, Stage};
use serde::Serialize;

use super::{Item, WriteFailure, of_update, s};

const ALL_OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

/// An update of one row.
pub(crate) struct Update {
    table: String,
    key: Item,
    expression: String,
    condition: Option<String>,
    names: HashMap<String, String>,
    values: Item,
}

impl Update {
    /// Of an existing row. If there is none, the condition does not hold and nothing is written.
    pub(crate) fn existing(table: &str, pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self::new(table, pk, sk).only_if("attribute_exists(pk)")
    }

    /// Of a row that may be missing: the update then creates it. Only for rows that are complete
    /// with the attributes that the update sets, such as counters.
    pub(crate) fn existing_or_new(
        table: &str,
        pk: impl Into<String>,
        sk: impl Into<String>,
    ) -> Self {
        Self::new(table, pk, sk)
    }

    fn new(table: &str, pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self {
            table: table.to_owned(),
            key: Item::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))]),
            expression: String::new(),
            condition: None,
            names: HashMap::new(),
            values: Item::new(),
        }
    }

    /// The update expression.
    pub(crate) fn change(mut self, expression: impl Into<String>) -> Self {
        self.expression = expression.into();
        self
    }

    /// Sets the row's values, removes its absent ones, and keeps the attributes of other writers in
    /// the same item, which a put would remove. The row's type must write an absent value as null,
    /// not leave it out. `others` are attributes that the type only reads.
    pub(crate) fn assign<T: Serialize>(
        mut self,
        row: &T,
        others: &[&str],
        stage: Stage,
    ) -> Result<Self, Fault> {
        let item: Item = serde_dynamo::to_item(row).or_bug(stage)?;
        let (mut set, mut removed) = (Vec::new(), Vec::new());
        for (name, value) in item {
            if ["pk", "sk"].contains(&name.as_str()) || others.contains(&name.as_str()) {
                continue;
            }
            // With placeholders: a name may be a reserved word in DynamoDB.
            if value.is_null() {
                removed.push(format!("#{name}"));
            } else {
                set.push(format!("#{name} = :{name}"));
                self.values.insert(format!(":{name}"), value);
            }
            self.names.insert(format!("#{name}"), name);
        }
        self.expression = format!("SET {}", set.join(", "));
        if !removed.is_empty() {
            self.expression.push_str(" REMOVE ");
            self.expression.push_str(&removed.join(", "));
        }
        Ok(self)
    }

    /// Also removes an attribute that [`Update::assign`] does not know.
    pub(crate) fn also_remove(mut self, name: &str) -> Self {
        let is_first = !self.expression.contains(" REMOVE ");
        let before = if is_first { " REMOVE " } else { ", " };
        self.expression.push_str(before);
        self.expression.push_str(name);
        self
    }

    /// One more condition; all must hold.
    pub(crate) fn only_if(mut self, condition: impl Into<String>) -> Self {
        let condition = condition.into();
        self.condition = Some(match self.condition {
            None => condition,
            Some(before) => format!("{before} AND ({condition})"),
        });
        self
    }

    /// The name of a placeholder.
    pub(crate) fn name(mut self, placeholder: &str, name: &str) -> Self {
        self.names.insert(placeholder.to_owned(), name.to_owned());
        self
    }

    /// The value of a placeholder.
    pub(crate) fn value(mut self, placeholder: &str, value: AttributeValue) -> Self {
        self.values.insert(placeholder.to_owned(), value);
        self
    }

    /// Sends it. A refusal returns the row that did not meet the condition.
    pub(crate) async fn send(self, dynamo: &Client, stage: Stage) -> Result<(), WriteFailure> {
        self.run(dynamo, stage, ReturnValue::None).await.map(|_| ())
    }

    /// Sends it, and returns the row as it was before.
    pub(crate) async fn replace(self, dynamo: &Client, stage: Stage) -> Result<Item, WriteFailure> {
        self.run(dynamo, stage, ReturnValue::AllOld).await
    }

    /// Sends it, and returns the attributes that it changed, as they are now.
    pub(crate) async fn updated(self, dynamo: &Client, stage: Stage) -> Result<Item, WriteFailure> {
        self.run(dynamo, stage, ReturnValue::UpdatedNew).await
    }

    #[expect(clippy::disallowed_methods, reason = "the one place they are for")]
    async fn run(
        self,
        dynamo: &Client,
        stage: Stage,
        returned: ReturnValue,
    ) -> Result<Item, WriteFailure> {
        let request = dynamo
            .update_item()
            .table_name(self.table)
            .set_key(Some(self.key))
            .update_expression(self.expression)
            .set_condition_expression(self.condition)
            .set_expression_attribute_names(Some(self.names).filter(|names| !names.is_empty()))
            .set_expression_attribute_values(Some(self.values).filter(|values| !values.is_empty()))
            .return_values(returned)
            .return_values_on_condition_check_failure(ALL_OLD);
        // Boxed: the SDK's futures are nested so deep that, together with the flows above them,
        // they exceed the compiler's limit.
        Box::pin(request.send())
            .await
            .map(|answer| answer.attributes.unwrap_or_default())
            .map_err(|e| of_update(e, stage))
    }

    /// As a part of a transaction.
    #[expect(clippy::disallowed_methods, reason = "the one place they are for")]
    pub(crate) fn transacted(self, stage: Stage) -> Result<TransactWriteItem, Fault> {
        let update = aws_sdk_dynamodb::types::Update::builder()
            .table_name(self.table)
            .set_key(Some(self.key))
            .update_expression(self.expression)
            .set_condition_expression(self.condition)
            .set_expression_attribute_names(Some(self.names).filter(|names| !names.is_empty()))
            .set_expression_attribute_values(Some(self.values).filter(|values| !values.is_empty()))
            .return_values_on_condition_check_failure(ALL_OLD)
            .build()
            .or_bug(stage)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(update: Update) -> Option<String> {
        let part = update.change("SET a = :a").transacted(Stage::WriteOutcome);
        part.unwrap().update.unwrap().condition_expression
    }

    #[test]
    fn an_update_of_an_existing_row_keeps_its_first_condition_whatever_is_added() {
        let bare = Update::existing("t", "p", "s");
        assert_eq!(condition(bare).unwrap(), "attribute_exists(pk)");
        let more = Update::existing("t", "p", "s").only_if("a = :a OR b = :b");
        assert_eq!(
            condition(more).unwrap(),
            "attribute_exists(pk) AND (a = :a OR b = :b)"
        );
    }

    #[test]
    fn an_update_that_may_make_its_row_has_the_conditions_that_it_is_given_and_no_other() {
        assert_eq!(condition(Update::existing_or_new("t", "p", "s")), None);
        let limited = Update::existing_or_new("t", "p", "s").only_if("a < :a");
        assert_eq!(condition(limited).unwrap(), "a < :a");
    }
}
