//! What differs from one database to another.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;

use crate::process::Call;
use crate::sql::SqlError;

/// Runs a program and returns what it wrote.
pub(super) type Ask<'a> = dyn Fn(&Call) -> Result<String, SqlError> + 'a;

/// A kind of database.
pub(super) trait Engine: Debug + Send + Sync {
    fn name(&self) -> &'static str;
    /// Accounts that it may run as when the superuser starts it, the best first.
    fn accounts(&self) -> &'static [&'static str];
    /// What it cannot do without.
    fn programs(&self) -> &'static [&'static str];
    /// What it is better with.
    fn welcome_programs(&self) -> &'static [&'static str];
    /// What it takes without any data.
    fn empty_bytes(&self) -> u64;
    /// What makes its data directory.
    fn set_up(&self, place: &Place) -> Vec<Call>;
    /// What runs the server, if there is one.
    fn serve(&self, place: &Place) -> Option<Call>;
    /// What is done to the server once it runs.
    fn before_load(&self) -> &'static [&'static str];
    /// Runs SQL outside of the database of the drill.
    fn administer(&self, place: &Place, sql: &str) -> Call;
    /// What takes a dump that begins so.
    fn load(&self, place: &Place, first: &[u8]) -> Load;
    /// Asks the server whether it is there, before there is a database.
    fn ping(&self, place: &Place) -> Call;
    /// Asks the database, which may change nothing for it.
    fn ask(&self, place: &Place, sql: &str) -> Call;
    /// Lets it check itself.
    fn check(&self, place: &Place, ask: &Ask<'_>) -> Result<Vec<String>, SqlError>;
    /// How others reach it.
    fn facts(&self, place: &Place) -> Vec<(&'static str, String)>;
}

/// What takes a dump.
#[derive(Debug)]
pub(super) enum Load {
    /// The input of a program.
    Pipe(Call),
    /// A file: the content is no dump but the database.
    File(PathBuf),
    /// Nothing: the content is of a kind that needs a program which is not there.
    Missing(&'static str),
}

/// Where the database of a drill is.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) home: PathBuf,
    pub(super) port: Option<u16>,
    pub(super) account: Option<(u32, u32)>,
    pub(super) programs: BTreeMap<&'static str, PathBuf>,
}

impl Place {
    pub(super) fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    pub(super) fn has(&self, program: &str) -> bool {
        self.programs.contains_key(program)
    }

    /// Returns the call of a program, as the ordinary user, in the home.
    pub(super) fn call(&self, program: &str) -> Call {
        let path = self.programs.get(program);
        let mut call = Call::new(path.cloned().unwrap_or_else(|| PathBuf::from(program)));
        call.account = self.account;
        call.variables
            .push(("HOME".to_owned(), self.home.clone().into()));
        call.directory(&self.home)
    }
}
