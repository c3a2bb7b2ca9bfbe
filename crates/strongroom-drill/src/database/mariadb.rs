//! MariaDB.

use super::engine::{Ask, Engine, Load, Place};
use super::joined;
use crate::process::Call;
use crate::sql::SqlError;

#[derive(Debug)]
pub(super) struct MariaDb;

impl MariaDb {
    fn client(place: &Place) -> Call {
        let call = place.call("mariadb").args(["--no-defaults"]);
        let call = call.args([joined("--socket=", &place.home.join(SOCKET))]);
        call.args(["--user=root", "--batch", "--skip-column-names"])
    }
}

impl Engine for MariaDb {
    fn name(&self) -> &'static str {
        "mariadb"
    }

    fn accounts(&self) -> &'static [&'static str] {
        &["mysql", "mariadb", "nobody"]
    }

    fn programs(&self) -> &'static [&'static str] {
        &["mariadb-install-db", "mariadbd", "mariadb"]
    }

    fn welcome_programs(&self) -> &'static [&'static str] {
        &[]
    }

    fn empty_bytes(&self) -> u64 {
        192 << 20
    }

    fn set_up(&self, place: &Place) -> Vec<Call> {
        let call = place.call("mariadb-install-db").args(["--no-defaults"]);
        let call = call.args([joined("--datadir=", &place.data())]);
        vec![call.args(["--auth-root-authentication-method=normal", "--skip-test-db"])]
    }

    fn serve(&self, place: &Place) -> Option<Call> {
        let call = place.call("mariadbd").args(["--no-defaults"]);
        let call = call.args([
            joined("--datadir=", &place.data()),
            joined("--socket=", &place.home.join(SOCKET)),
            joined("--pid-file=", &place.home.join("pid")),
        ]);
        let network = match place.port {
            None => vec!["--skip-networking".to_owned()],
            Some(port) => vec![
                format!("--port={port}"),
                "--bind-address=127.0.0.1".to_owned(),
            ],
        };
        Some(call.args(network))
    }

    fn before_load(&self) -> &'static [&'static str] {
        &["create database drill"]
    }

    fn administer(&self, place: &Place, sql: &str) -> Call {
        Self::client(place).args(["--execute", sql])
    }

    fn load(&self, place: &Place, _first: &[u8]) -> Load {
        Load::Pipe(Self::client(place).args(["--binary-mode", "drill"]))
    }

    fn ping(&self, place: &Place) -> Call {
        self.administer(place, "select 1")
    }

    fn ask(&self, place: &Place, sql: &str) -> Call {
        let call = Self::client(place).args(["--init-command=set session transaction read only"]);
        call.args(["--execute", sql, "drill"])
    }

    fn check(&self, place: &Place, ask: &Ask<'_>) -> Result<Vec<String>, SqlError> {
        let tables = "select concat('`', replace(table_name, '`', '``'), '`') from information_schema.tables \
                      where table_schema = 'drill' and table_type = 'BASE TABLE' order by 1";
        let names = ask(&self.ask(place, tables))?;
        let names: Vec<&str> = names.lines().filter(|name| !name.is_empty()).collect();
        let mut complaints = Vec::new();
        for some in names.chunks(TABLES_AT_ONCE) {
            let sql = format!("check table {} extended", some.join(", "));
            let said = ask(&Self::client(place).args(["--execute", sql.as_str(), "drill"]))?;
            // Table, operation, kind of message, message.
            let bad = said.lines().filter(|line| !line.ends_with("\tOK"));
            complaints.extend(bad.map(str::to_owned));
        }
        Ok(complaints)
    }

    fn facts(&self, place: &Place) -> Vec<(&'static str, String)> {
        vec![
            (
                "MYSQL_UNIX_PORT",
                place.home.join(SOCKET).display().to_string(),
            ),
            ("MYSQL_USER", "root".to_owned()),
            ("MYSQL_DATABASE", "drill".to_owned()),
        ]
    }
}

const SOCKET: &str = "socket";
/// A statement of thousands of names may be longer than the server takes.
const TABLES_AT_ONCE: usize = 100;
