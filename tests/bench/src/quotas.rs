//! Where a growing load meets a limit: `quotas.json` divided by what `limits.json` says of a
//! delivery.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
struct Quotas {
    date: String,
    quotas: Vec<Quota>,
}

#[derive(Deserialize)]
struct Quota {
    limit: String,
    quota: f64,
    what: String,
    /// Of a limit of a rate.
    per_seconds: Option<f64>,
    /// How long a delivery holds it, of a limit of what is held at once.
    seconds: Option<f64>,
    #[serde(rename = "use")]
    used: Use,
    remedy: String,
}

/// What one delivery uses.
#[derive(Deserialize)]
#[serde(untagged)]
enum Use {
    Counted { scenario: String, count: String },
    Assumed { assumed: f64 },
}

type Limits = BTreeMap<String, BTreeMap<String, f64>>;

/// A row of the table.
struct Row {
    rate: f64,
    line: String,
}

impl Quota {
    fn row(&self, limits: &Limits) -> Result<Row, String> {
        let used = match &self.used {
            Use::Assumed { assumed } => *assumed,
            Use::Counted { scenario, count } => *limits
                .get(scenario)
                .and_then(|counts| counts.get(count))
                .ok_or_else(|| format!("limits.json has no {count} of {scenario}"))?,
        };
        let (quota, what) = (number(self.quota), &self.what);
        let (rate, arithmetic) = match (self.per_seconds, self.seconds) {
            (Some(per), None) => {
                let unit = match per {
                    60.0 => "min",
                    _ => "s",
                };
                let rate = self.quota / per / used;
                (
                    rate,
                    format!("{quota} {what}/{unit}; each {}", number(used)),
                )
            }
            (None, Some(held)) => {
                let rate = self.quota / held / used;
                let each = number(used);
                (rate, format!("{quota} {what}; each {each} for {held} s"))
            }
            _ => return Err(format!("{}: a rate, or held for seconds", self.limit)),
        };
        let line = format!(
            "| {} | {} | {arithmetic} | {} |",
            number(rounded_down(rate)),
            self.limit,
            self.remedy
        );
        Ok(Row { rate, line })
    }
}

/// To two digits.
fn rounded_down(rate: f64) -> f64 {
    let unit = 10_f64.powf(rate.log10().floor() - 1.0);
    // A rate such as 4,000 may be a trifle less.
    (rate / unit + 1e-6).floor() * unit
}

/// With separators of thousands.
fn number(value: f64) -> String {
    if value < 10.0 {
        return format!("{value}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The table of docs/performance.md, "What breaks first".
pub(crate) fn table() -> Result<String, String> {
    let quotas: Quotas =
        serde_json::from_str(include_str!("../quotas.json")).map_err(|e| e.to_string())?;
    let limits: Limits =
        serde_json::from_str(include_str!("../limits.json")).map_err(|e| e.to_string())?;
    let rows = quotas.quotas.iter().map(|quota| quota.row(&limits));
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    rows.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let lines: Vec<String> = rows.into_iter().map(|row| row.line).collect();
    Ok(format!(
        "| deliveries/s | limit | arithmetic | remedy |\n|---|---|---|---|\n{}\n\nThe quotas are of {}: `tests/bench/quotas.json` has the source of each.\n",
        lines.join("\n"),
        quotas.date
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `bench limits` writes the table.
    #[test]
    fn the_page_has_this_table() {
        let page = include_str!("../../../docs/performance.md");
        let table = table().unwrap();
        assert!(page.contains(&table), "docs/performance.md lacks\n{table}");
    }

    #[test]
    fn a_rate_is_shown_with_two_digits_and_rounded_down() {
        let shown = |rate| number(rounded_down(rate));
        assert_eq!(shown(16.6667), "16");
        assert_eq!(shown(1990.0), "1,900");
        assert_eq!(shown(4000.0), "4,000");
        assert_eq!(shown(480_000.0), "480,000");
        assert_eq!(shown(1_000_000.0), "1,000,000");
    }
}
