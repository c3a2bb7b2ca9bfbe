//! Is the database sound, and does it have the data?

use super::{Differences, Outcome, Scene, Validator};
use crate::captured::Kind;
use crate::sql::SqlError;
use crate::stop::Stop;

/// Lets the database check itself: `pg_amcheck`, `CHECK TABLE`, `PRAGMA integrity_check`.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SqlIntegrity;

impl SqlIntegrity {
    /// Returns it.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Validator for SqlIntegrity {
    fn name(&self) -> &str {
        "sql-integrity"
    }

    fn validate(&self, scene: &Scene<'_>, stop: &Stop) -> Outcome {
        let Some(sql) = &scene.connection.sql else {
            return Outcome::skipped("no-database", "this sandbox has no database");
        };
        match sql.check(stop) {
            Ok(complaints) => {
                let mut differences = Differences::default();
                for complaint in complaints {
                    differences.add("sql-damaged", complaint);
                }
                differences.outcome("the database finds no damage")
            }
            Err(error) => unanswered(error),
        }
    }
}

/// Asks the database each query that was asked at backup, and compares the answers: counts of rows, sums, checksums of columns.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SqlValues;

impl SqlValues {
    /// Returns it.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Validator for SqlValues {
    fn name(&self) -> &str {
        "sql-counts"
    }

    fn validate(&self, scene: &Scene<'_>, stop: &Stop) -> Outcome {
        let Some(sql) = &scene.connection.sql else {
            return Outcome::skipped("no-database", "this sandbox has no database");
        };
        let mut differences = Differences::default();
        let mut count = 0_u64;
        for (query, expected) in scene.captured.iter(Kind::Sql) {
            count += 1;
            match sql.query(query, stop) {
                Ok(answer) if answer == expected => {}
                Ok(answer) => {
                    let (is, was) = (clip(&answer), clip(expected));
                    differences.add("sql-differs", format!("{query}: {is}, and was {was}"));
                }
                Err(SqlError::Refused(what)) => {
                    differences.add("sql-refused", format!("{query}: {what}"));
                }
                Err(error) => return unanswered(error),
            }
        }
        if count == 0 {
            return Outcome::skipped("nothing-captured", "no answer was captured at backup");
        }
        differences.outcome(format!("{count} answers are as captured"))
    }
}

fn unanswered(error: SqlError) -> Outcome {
    match error {
        SqlError::Refused(what) => Outcome::failed("sql-refused", what),
        SqlError::Missing(what) => Outcome::skipped("sql-missing", what),
        SqlError::Stopped(stopped) => stopped.into(),
    }
}

fn clip(text: &str) -> String {
    text.chars().take(60).collect()
}
