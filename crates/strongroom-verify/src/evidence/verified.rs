//! What a report says in the records of the process.

use strongroom_crypt::Id;
use strongroom_format::record::Verified;
use strongroom_format::{Choice, PackClasses};

use crate::{Error, ErrorKind, Level, Report, Result};

impl Report {
    /// Returns what this check says in the records of the process; `repository` is its name in the policy.
    ///
    /// `coverage` counts the bytes of packs that were read, of all; of a part of a round those of content, since names and pages are read with every part. `choice` is `all`, `round` for a part of a round, `sample 0.99/0.001` for a sample that shows
    /// with that confidence that less is damaged (`sample 0.99` for one of a fixed share), `older` for packs that no check had read since some
    /// time, and `trees` when only names and pages were read. What is damaged counts as unresolved: nobody has mended it yet.
    ///
    /// # Errors
    ///
    /// `Invalid` for a check that could not read the journal for want of a key: it does not know what there is.
    pub fn verified(&self, repository: impl Into<String>) -> Result<Verified> {
        if self.head.is_none() || !self.readings.is_stated {
            let what = "a check that did not read the journal does not know what there is";
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let damaged = self.damaged_count();
        let choice = choice(&self.readings.choices);
        Ok(Verified {
            repository: repository.into(),
            level: self.level.number(),
            coverage: match choice == ROUND {
                true => self.readings.content,
                false => (self.readings.read.1, self.readings.all_bytes),
            },
            choice: Some(choice),
            damaged,
            unresolved: damaged,
            ..Verified::default()
        })
    }

    /// Returns what a check of one snapshot says of it, as [`verified`](Self::verified) does of everything; `bytes` is how many its files have.
    ///
    /// It names the snapshot if that is what was shown: if every file was put together, or damage was found that keeps it from being restored whole. Else it
    /// is what [`verified`](Self::verified) returns: damage elsewhere is not the snapshot's.
    ///
    /// # Errors
    ///
    /// As [`verified`](Self::verified).
    pub fn verified_snapshot(
        &self,
        repository: impl Into<String>,
        snapshot: Id,
        bytes: u64,
    ) -> Result<Verified> {
        let all = self.verified(repository)?;
        let mut losses = self.blast.snapshots.iter();
        let is_lost = losses.any(|loss| loss.snapshot == snapshot);
        let is_shown = match is_lost {
            true => true,
            false => self.level >= Level::Rebuilt && self.is_complete() && self.is_intact(),
        };
        Ok(match is_shown {
            false => all,
            true => Verified {
                snapshot: Some(snapshot),
                coverage: (bytes, bytes),
                choice: Some("all".to_owned()),
                ..all
            },
        })
    }
}

/// Returns the words for the rules by which packs were chosen. What says the least decides: a sample beside a round makes its share of the round unknown.
fn choice(choices: &[Choice]) -> String {
    let is_all =
        |one: &Choice| matches!(one, Choice::All { classes } if *classes == PackClasses::ALL);
    if choices.iter().any(is_all) {
        return "all".to_owned();
    }
    let sample = choices.iter().find_map(|one| match one {
        Choice::Sample {
            confidence, below, ..
        } => Some((*confidence, *below)),
        _ => None,
    });
    match sample {
        Some((confidence, 0)) => return format!("sample {}", share(confidence)),
        Some((confidence, below)) => {
            return format!("sample {}/{}", share(confidence), share(below));
        }
        None => {}
    }
    let has = |is: fn(&Choice) -> bool| choices.iter().any(is);
    if has(|one| matches!(one, Choice::Older { .. })) {
        return "older".to_owned();
    }
    match has(|one| matches!(one, Choice::Rolling(_))) {
        true => ROUND.to_owned(),
        false => "trees".to_owned(),
    }
}

const ROUND: &str = "round";

fn share(billionths: u32) -> f64 {
    f64::from(billionths) / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(below: u32) -> Choice {
        Choice::Sample {
            confidence: 990_000_000,
            below,
            strata: Vec::new(),
        }
    }

    #[test]
    fn what_says_the_least_decides() {
        let trees = Choice::All {
            classes: PackClasses::TREES,
        };
        let all = Choice::All {
            classes: PackClasses::ALL,
        };
        let older = Choice::Older {
            classes: PackClasses::DATA,
            since: strongroom_format::Time::new(0, 0),
        };
        for (choices, text) in [
            (vec![all], "all"),
            (vec![trees.clone()], "trees"),
            (vec![trees.clone(), older.clone()], "older"),
            (
                vec![trees.clone(), sample(1_000_000), older],
                "sample 0.99/0.001",
            ),
            (vec![trees, sample(0)], "sample 0.99"),
        ] {
            assert_eq!(choice(&choices), text);
        }
    }
}
