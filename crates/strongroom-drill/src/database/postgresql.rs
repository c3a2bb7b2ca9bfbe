//! PostgreSQL.

use super::engine::{Ask, Engine, Load, Place};
use super::joined;
use crate::process::Call;
use crate::sql::SqlError;

#[derive(Debug)]
pub(super) struct PostgreSql;

impl PostgreSql {
    fn client(place: &Place, program: &str, database: &str) -> Call {
        let call = place.call(program).args([joined("--host=", &place.home)]);
        call.args([
            format!("--port={}", port(place)),
            "--username=postgres".to_owned(),
            "--no-password".to_owned(),
            format!("--dbname={database}"),
        ])
    }

    fn psql(place: &Place, database: &str) -> Call {
        let quiet = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"];
        Self::client(place, "psql", database).args(quiet)
    }
}

impl Engine for PostgreSql {
    fn name(&self) -> &'static str {
        "postgresql"
    }

    fn accounts(&self) -> &'static [&'static str] {
        &["postgres", "nobody"]
    }

    fn programs(&self) -> &'static [&'static str] {
        &["initdb", "postgres", "psql"]
    }

    fn welcome_programs(&self) -> &'static [&'static str] {
        &["pg_restore", "pg_amcheck"]
    }

    fn empty_bytes(&self) -> u64 {
        64 << 20
    }

    fn set_up(&self, place: &Place) -> Vec<Call> {
        let call = place
            .call("initdb")
            .args([joined("--pgdata=", &place.data())]);
        vec![call.args([
            "--auth=trust",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
            "--username=postgres",
        ])]
    }

    fn serve(&self, place: &Place) -> Option<Call> {
        let addresses = if place.port.is_some() {
            "127.0.0.1"
        } else {
            ""
        };
        let call = place
            .call("postgres")
            .args([joined("-D", &place.data()), joined("-k", &place.home)]);
        Some(call.args([
            format!("-p{}", port(place)),
            format!("-clisten_addresses={addresses}"),
            "-cunix_socket_permissions=0700".to_owned(),
            "-clogging_collector=off".to_owned(),
            "-cmax_wal_size=1GB".to_owned(),
        ]))
    }

    fn before_load(&self) -> &'static [&'static str] {
        &["create database drill"]
    }

    fn administer(&self, place: &Place, sql: &str) -> Call {
        Self::psql(place, "postgres").args(["--command", sql])
    }

    fn load(&self, place: &Place, first: &[u8]) -> Load {
        match (first.starts_with(b"PGDMP"), place.has("pg_restore")) {
            (false, _) => Load::Pipe(Self::psql(place, "drill").args([
                "--single-transaction",
                "--file=-",
                // The rows of what a dump selects to set sequences are nobody's concern.
                "--output=/dev/null",
            ])),
            (true, true) => {
                let call = Self::client(place, "pg_restore", "drill");
                Load::Pipe(call.args(["--exit-on-error", "--single-transaction"]))
            }
            (true, false) => Load::Missing("pg_restore"),
        }
    }

    fn ping(&self, place: &Place) -> Call {
        Self::psql(place, "postgres").args(["--command", "select 1"])
    }

    fn ask(&self, place: &Place, sql: &str) -> Call {
        let mut call = Self::psql(place, "drill");
        let options = "-c default_transaction_read_only=on";
        call.variables
            .push(("PGOPTIONS".to_owned(), options.into()));
        call.args([
            "--no-align",
            "--tuples-only",
            "--field-separator=\t",
            "--command",
            sql,
        ])
    }

    fn check(&self, place: &Place, ask: &Ask<'_>) -> Result<Vec<String>, SqlError> {
        if !place.has("pg_amcheck") {
            return Err(SqlError::Missing(
                "this machine has no pg_amcheck".to_owned(),
            ));
        }
        let call = place
            .call("pg_amcheck")
            .args([joined("--host=", &place.home)]);
        let call = call.args([
            format!("--port={}", port(place)),
            "--username=postgres".to_owned(),
            "--no-password".to_owned(),
            "--install-missing".to_owned(),
            "--heapallindexed".to_owned(),
            "drill".to_owned(),
        ]);
        match ask(&call) {
            Ok(said) => Ok(said.lines().map(str::to_owned).collect()),
            // It says what is damaged, and ends with 2; and with 1 when it could not look.
            Err(SqlError::Refused(what))
                if what.contains("amcheck") && what.contains("extension") =>
            {
                Err(SqlError::Missing(what))
            }
            Err(SqlError::Refused(what)) => Ok(vec![what]),
            Err(error) => Err(error),
        }
    }

    fn facts(&self, place: &Place) -> Vec<(&'static str, String)> {
        vec![
            ("PGHOST", place.home.display().to_string()),
            ("PGPORT", port(place).to_string()),
            ("PGUSER", "postgres".to_owned()),
            ("PGDATABASE", "drill".to_owned()),
        ]
    }
}

/// The port is part of the socket's name, so it has one without a network too.
fn port(place: &Place) -> u16 {
    place.port.unwrap_or(5_432)
}
