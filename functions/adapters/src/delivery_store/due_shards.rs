//! How many partitions of the index of due deliveries a function writes to. The sweeper reads all.

use std::str::FromStr;

use domain::flow::SWEEP_SHARDS;
use domain::ulid::Ulid;

/// How many, from the first on: a setting, since the version before reads only eight of them, and
/// during an upgrade both versions work on one table (docs/upgrading.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueShards(u8);

impl DueShards {
    /// All that the sweeper reads.
    pub const ALL: Self = Self(SWEEP_SHARDS);

    /// The partition of an event and its deliveries.
    pub(super) fn of(self, event: Ulid) -> String {
        (event.low_bits() % self.0).to_string()
    }
}

/// None is refused, and so are more than the sweeper reads: what is written there is never found.
impl FromStr for DueShards {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number: u8 = text.parse().map_err(drop)?;
        (1..=SWEEP_SHARDS)
            .contains(&number)
            .then_some(Self(number))
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_of_the_setting_is_written_to_and_no_other() {
        for (text, number) in [("8", 8), ("128", SWEEP_SHARDS)] {
            let shards: DueShards = text.parse().unwrap();
            let mut written: Vec<u8> = (0..=u8::MAX)
                .map(|low| shards.of(Ulid::of([low; 16])).parse().unwrap())
                .collect();
            written.sort_unstable();
            written.dedup();
            assert!(written.into_iter().eq(0..number), "{text}");
        }
    }

    #[test]
    fn a_number_of_which_the_sweeper_would_not_read_all_is_refused() {
        for text in ["0", "129", "256", "-1", "", "all"] {
            assert_eq!(text.parse::<DueShards>(), Err(()), "{text}");
        }
    }
}
