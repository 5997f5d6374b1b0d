//! Numbers compared by value, exactly: an id of 20 digits is not rounded.

use std::cmp::Ordering;

/// The largest exponent that is told apart from a larger one.
const MAX_EXPONENT: i64 = 1_000_000_000_000;

/// A JSON number: 0.d1d2d3… times ten to the power of `exponent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    is_negative: bool,
    exponent: i64,
    /// Without zeros at either end; empty for zero.
    digits: String,
}

impl Decimal {
    /// Reads the text of a JSON number.
    pub(super) fn parse(text: &str) -> Self {
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_start_matches('0');
        let zeros = digits.len() - significant.len();
        let point = length(whole) - length(digits.get(..zeros).unwrap_or_default());
        let digits = significant.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Self {
                is_negative: false,
                exponent: 0,
                digits,
            };
        }
        Self {
            is_negative,
            exponent: exponent_of(exponent).saturating_add(point),
            digits,
        }
    }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(MAX_EXPONENT)
}

fn exponent_of(text: &str) -> i64 {
    // Whatever does not fit is a number of many digits, with its sign in front.
    let beyond = match text.starts_with('-') {
        true => -MAX_EXPONENT,
        false => MAX_EXPONENT,
    };
    let exponent = text.parse().unwrap_or(beyond);
    exponent.clamp(-MAX_EXPONENT, MAX_EXPONENT)
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.digits.is_empty(), number.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let by_sign = sign(self).cmp(&sign(other));
        let by_size = || {
            let exponents = self.exponent.cmp(&other.exponent);
            exponents.then_with(|| self.digits.cmp(&other.digits))
        };
        by_sign.then_with(|| match self.is_negative {
            true => by_size().reverse(),
            false => by_size(),
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_value_are_equal() {
        for (one, other) in [
            ("300", "300.0"),
            ("300", "3.0e2"),
            ("300", "3E+2"),
            ("0.001", "1e-3"),
            ("0", "-0"),
            ("0", "0.000e99"),
            ("-1.50", "-1.5"),
            ("0.5e1", "5"),
        ] {
            assert_eq!(Decimal::parse(one), Decimal::parse(other), "{one} {other}");
        }
    }

    #[test]
    fn numbers_are_in_their_order_however_many_digits_they_have() {
        let ascending = [
            "-1e99999999999999999999",
            "-2",
            "-1.5",
            "-1e-999",
            "0",
            "1e-99999999999999999999",
            "0.09",
            "0.1",
            "0.10000000000000000001",
            "9007199254740992",
            "9007199254740993",
            "1e400",
            "1e401",
        ];
        for pair in ascending.windows(2) {
            let [one, other] = pair else { unreachable!() };
            assert!(Decimal::parse(one) < Decimal::parse(other), "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn integers_and_floats_are_ordered_as_the_processor_orders_them(
            (a, b) in (any::<i64>(), any::<i64>()), (x, y) in (-1e6..1e6_f64, -1e6..1e6_f64),
        ) {
            let decimal = |number: &dyn ToString| Decimal::parse(&number.to_string());
            prop_assert_eq!(decimal(&a).cmp(&decimal(&b)), a.cmp(&b));
            prop_assert_eq!(decimal(&x).cmp(&decimal(&y)), x.total_cmp(&y));
        }
    }
}
