//! A table for people.

use crate::member::Member as _;
use serde_json::Value;

use super::{Output, Paint, paint_of, shown};

/// A column: its head, and the member of the entries that it shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) head: &'static str,
    /// With dots for members of members.
    pub(crate) member: &'static str,
}

/// The widest cell; JSON has the whole value.
const MAX_WIDTH: usize = 72;

pub(crate) const fn column(head: &'static str, member: &'static str) -> Column {
    Column { head, member }
}

/// A member of an entry as a text, empty if there is none.
pub(crate) fn text(entry: &Value, member: &str) -> String {
    let mut value = entry;
    for name in member.split('.') {
        value = value.member(name);
    }
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) => items
            .iter()
            .map(|item| {
                item.as_str()
                    .map_or_else(|| item.to_string(), str::to_owned)
            })
            .collect::<Vec<_>>()
            .join(","),
        other => other.to_string(),
    }
}

/// A text as a cell of a table: visible, and cut with an ellipsis.
pub(crate) fn cell(text: &str) -> String {
    let text = shown(text);
    match text.chars().count() > MAX_WIDTH {
        true => text
            .chars()
            .take(MAX_WIDTH - 1)
            .chain(['\u{2026}'])
            .collect(),
        false => text,
    }
}

/// The lines of a table, heads first. Columns that are empty in every row are left out.
pub(crate) fn table(output: Output, columns: &[Column], entries: &[Value]) -> Vec<String> {
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            columns
                .iter()
                .map(|column| cell(&text(entry, column.member)))
                .collect()
        })
        .collect();
    let width = |n: usize| {
        rows.iter()
            .filter_map(|row| row.get(n))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let kept: Vec<(usize, usize, &Column)> = columns
        .iter()
        .enumerate()
        .map(|(n, column)| (n, width(n), column))
        .filter(|(_, width, _)| *width > 0)
        .map(|(n, width, column)| (n, width.max(column.head.len()), column))
        .collect();
    let line = |of: &dyn Fn(usize, &Column) -> (String, Paint)| {
        let mut line = String::new();
        for (position, (n, width, column)) in kept.iter().enumerate() {
            let (text, paint) = of(*n, column);
            let padding = match position + 1 == kept.len() {
                true => 0,
                false => width.saturating_sub(text.chars().count()) + 2,
            };
            line.push_str(&output.paint(paint, &text));
            line.push_str(&" ".repeat(padding));
        }
        line
    };
    let head = line(&|_, column| (column.head.to_owned(), Paint::Faint));
    let body = rows.iter().map(|row| {
        line(&|n, column| {
            let text = row.get(n).cloned().unwrap_or_default();
            let is_status = matches!(column.member, "status" | "state" | "result");
            let paint = if is_status {
                paint_of(&text)
            } else {
                Paint::Plain
            };
            (text, paint)
        })
    });
    [head].into_iter().chain(body).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PLAIN: Output = Output {
        json: false,
        colours: false,
    };

    #[test]
    fn columns_align_and_empty_ones_are_left_out() {
        let columns = [
            column("ID", "id"),
            column("NAME", "name"),
            column("STATE", "state"),
            column("USED", "limits.used"),
        ];
        let entries = [
            json!({"id": "a", "state": "active", "limits": {"used": 3}}),
            json!({"id": "long-id", "state": "inactive"}),
        ];
        let lines = table(PLAIN, &columns, &entries);
        assert_eq!(
            lines,
            [
                "ID       STATE     USED",
                "a        active    3",
                "long-id  inactive  "
            ]
        );
    }

    #[test]
    fn a_hostile_name_neither_moves_the_cursor_nor_breaks_the_table() {
        let entries = [
            json!({"id": "\u{1b}[1A\n\u{202e}x"}),
            json!({"id": "y".repeat(500)}),
        ];
        let lines = table(PLAIN, &[column("ID", "id")], &entries);
        assert_eq!(lines[1], "\\u{1b}[1A\\n\\u{202e}x");
        assert_eq!(lines[2].chars().count(), MAX_WIDTH);
    }
}
