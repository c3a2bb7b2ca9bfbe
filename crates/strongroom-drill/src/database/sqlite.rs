//! SQLite.

use super::engine::{Ask, Engine, Load, Place};
use crate::process::Call;
use crate::sql::SqlError;

#[derive(Debug)]
pub(super) struct Sqlite;

impl Sqlite {
    fn client(place: &Place) -> Call {
        place
            .call("sqlite3")
            .args(["-batch", "-bail", "-init", "/dev/null"])
    }
}

impl Engine for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn accounts(&self) -> &'static [&'static str] {
        &["nobody"]
    }

    fn programs(&self) -> &'static [&'static str] {
        &["sqlite3"]
    }

    fn welcome_programs(&self) -> &'static [&'static str] {
        &[]
    }

    fn empty_bytes(&self) -> u64 {
        1 << 20
    }

    fn set_up(&self, _place: &Place) -> Vec<Call> {
        Vec::new()
    }

    fn serve(&self, _place: &Place) -> Option<Call> {
        None
    }

    fn before_load(&self) -> &'static [&'static str] {
        &[]
    }

    fn administer(&self, place: &Place, sql: &str) -> Call {
        Self::client(place).args([place.data().into_os_string(), sql.into()])
    }

    fn load(&self, place: &Place, first: &[u8]) -> Load {
        if first.starts_with(b"SQLite format 3\0") {
            return Load::File(place.data());
        }
        Load::Pipe(Self::client(place).args([place.data()]))
    }

    fn ping(&self, place: &Place) -> Call {
        self.administer(place, "select 1")
    }

    fn ask(&self, place: &Place, sql: &str) -> Call {
        let call = Self::client(place).args(["-readonly", "-noheader", "-separator", "\t"]);
        call.args([place.data().into_os_string(), sql.into()])
    }

    fn check(&self, place: &Place, ask: &Ask<'_>) -> Result<Vec<String>, SqlError> {
        let said = match ask(&self.ask(place, "pragma integrity_check")) {
            Err(SqlError::Refused(what)) => return Ok(vec![what]),
            said => said?,
        };
        let mut complaints: Vec<String> = match said.as_str() {
            "ok" => Vec::new(),
            bad => bad.lines().map(str::to_owned).collect(),
        };
        let keys = ask(&self.ask(place, "pragma foreign_key_check"))?;
        let keys = keys.lines().filter(|line| !line.is_empty());
        complaints.extend(keys.map(|line| format!("foreign key: {line}")));
        Ok(complaints)
    }

    fn facts(&self, place: &Place) -> Vec<(&'static str, String)> {
        vec![("SQLITE_DATABASE", place.data().display().to_string())]
    }
}
