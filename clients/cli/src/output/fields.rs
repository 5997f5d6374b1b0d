//! An object for people: a line for each member.

use serde_json::Value;

use super::shown;

/// A line `name  value` for each member; an object's own members with its name before theirs.
pub(crate) fn fields(value: &Value) -> String {
    let mut rows = Vec::new();
    collect("", value, &mut rows);
    let width = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    let lines: Vec<String> = rows
        .iter()
        .map(|(name, value)| format!("{name:width$}  {value}"))
        .collect();
    lines.join("\n")
}

fn collect(prefix: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    let Value::Object(members) = value else {
        rows.push((prefix.to_owned(), scalar(value)));
        return;
    };
    if members.is_empty() && !prefix.is_empty() {
        return;
    }
    for (name, value) in members {
        let name = shown(name);
        let full = match prefix {
            "" => name,
            prefix => format!("{prefix}.{name}"),
        };
        // The payload is JSON and stays JSON.
        match full.as_str() {
            "data" | "context" => rows.push((full, shown(&value.to_string()))),
            _ => collect(&full, value, rows),
        }
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text),
        Value::Array(items)
            if items
                .iter()
                .all(|item| !item.is_object() && !item.is_array()) =>
        {
            items.iter().map(scalar).collect::<Vec<_>>().join(", ")
        }
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Null => String::new(),
        other => shown(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_member_has_a_line() {
        let value = json!({"id": "a", "limits": {"webhooks": 3}, "scopes": ["x", "y"], "empty": {}, "ok": true, "data": {"n": 1}});
        let lines = "id               a\nlimits.webhooks  3\nscopes           x, y\nok               yes\ndata             {\"n\":1}";
        assert_eq!(fields(&value), lines);
    }
}
