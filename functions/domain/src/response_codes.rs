//! Which status codes of a receiver's responses a list shows: one code, or a class of them.

/// A code (`503`) or a class (`5xx`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseCodes {
    /// This one.
    Code(u16),
    /// Those of one hundred: the first digit.
    Class(u16),
}

/// The codes of responses (RFC 9110, section 15), and those beyond them that receivers send.
const CODES: std::ops::RangeInclusive<u16> = 100..=999;

impl ResponseCodes {
    /// Reads three digits, or a digit and `xx`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 3 {
            return None;
        }
        let number = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
            true => digits.parse::<u16>().ok(),
            false => None,
        };
        let found = match text.strip_suffix("xx") {
            Some(class) => Self::Class(number(class)?),
            None => Self::Code(number(text)?),
        };
        found.is_possible().then_some(found)
    }

    fn is_possible(self) -> bool {
        match self {
            Self::Code(code) => CODES.contains(&code),
            Self::Class(class) => CODES.contains(&class.saturating_mul(100)),
        }
    }

    /// Whether it is this code, or its class.
    #[must_use]
    pub fn contains(self, code: u16) -> bool {
        match self {
            Self::Code(wanted) => wanted == code,
            Self::Class(wanted) => wanted == code / 100,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_three_digits_and_a_class_is_one_with_two_letters() {
        assert_eq!(ResponseCodes::parse("503"), Some(ResponseCodes::Code(503)));
        assert_eq!(ResponseCodes::parse("5xx"), Some(ResponseCodes::Class(5)));
        for wrong in [
            "",
            "5",
            "50",
            "5x",
            "5XX",
            "xxx",
            "0xx",
            "099",
            "+50",
            "5033",
            "5xxx",
            "५०३",
            " 50",
        ] {
            assert_eq!(ResponseCodes::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_class_contains_its_hundred() {
        let holds = |text: &str, code| ResponseCodes::parse(text).unwrap().contains(code);
        assert!(holds("5xx", 500) && holds("5xx", 599) && holds("503", 503) && holds("9xx", 999));
        assert!(!holds("5xx", 499) && !holds("5xx", 600) && !holds("503", 500));
    }
}
