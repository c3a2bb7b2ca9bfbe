//! A throwaway database as a sandbox: a server with a data directory of its own, started and stopped by the drill, on a socket that
//! only its user can reach and, unless asked for, on no network.

mod engine;
mod loader;
mod mariadb;
mod postgresql;
mod sqlite;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;

use self::engine::{Engine, Place};
use self::loader::PipeLoader;
use self::mariadb::MariaDb;
use self::postgresql::PostgreSql;
use self::sqlite::Sqlite;
use crate::directory::{RESERVE_BYTES, check_room};
use crate::home::{Home, sweep};
use crate::process::{Call, Mute, Running, Said, account, find, usual_folders};
use crate::sandbox::{
    Connection, Intake, Loader, Need, Sandbox, SandboxError, SandboxErrorKind, unavailable,
};
use crate::sql::{Sql, SqlError};
use crate::stop::Stop;

/// A database of its own, for one drill.
///
/// Run by the superuser, its programs run as an ordinary user: the one that the system has for such servers, else `nobody`. Then the
/// root must be a folder that this user can enter.
#[derive(Debug)]
pub struct DatabaseSandbox {
    engine: Arc<dyn Engine>,
    root: PathBuf,
    folders: Vec<PathBuf>,
    prelude: String,
    max_bytes: u64,
    reserve_bytes: u64,
    network: Network,
    start_limit: Duration,
    home: Option<Home>,
    path: Option<PathBuf>,
    place: Option<Arc<Place>>,
    server: Option<Running>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    None,
    Loopback,
}

impl DatabaseSandbox {
    /// A PostgreSQL server. It takes what `pg_dump` writes, as plain text or in the custom format.
    #[must_use]
    pub fn postgresql(root: impl Into<PathBuf>) -> Self {
        Self::new(root.into(), Arc::new(PostgreSql))
    }

    /// A MariaDB server. It takes what `mariadb-dump` writes.
    #[must_use]
    pub fn mariadb(root: impl Into<PathBuf>) -> Self {
        Self::new(root.into(), Arc::new(MariaDb))
    }

    /// A file of SQLite. It takes SQL, as `.dump` writes it, or such a file.
    #[must_use]
    pub fn sqlite(root: impl Into<PathBuf>) -> Self {
        Self::new(root.into(), Arc::new(Sqlite))
    }

    fn new(root: PathBuf, engine: Arc<dyn Engine>) -> Self {
        Self {
            engine,
            root,
            folders: usual_folders(),
            prelude: String::new(),
            max_bytes: u64::MAX,
            reserve_bytes: RESERVE_BYTES,
            network: Network::None,
            start_limit: START_LIMIT,
            home: None,
            path: None,
            place: None,
            server: None,
        }
    }

    /// Looks for programs here and nowhere else. Default: where most systems have them; of several versions of PostgreSQL the newest.
    #[must_use]
    pub fn with_programs_in(mut self, folders: impl IntoIterator<Item = PathBuf>) -> Self {
        self.folders = folders.into_iter().collect();
        self
    }

    /// Runs this before the dump is loaded, such as `create role shop`: what a dump relies on and does not have.
    #[must_use]
    pub fn with_prelude(mut self, sql: impl Into<String>) -> Self {
        self.prelude = sql.into();
        self
    }

    /// Takes no more content than this.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Leaves this much of the disk free. Default: 256 MiB.
    #[must_use]
    pub fn with_reserve_bytes(mut self, bytes: u64) -> Self {
        self.reserve_bytes = bytes;
        self
    }

    /// Listens on a port of the loopback interface too, for an application that is to be tried on it.
    #[must_use]
    pub fn with_loopback_port(mut self) -> Self {
        self.network = Network::Loopback;
        self
    }

    /// Gives the server this long to start. Default: a minute.
    #[must_use]
    pub fn with_start_limit(mut self, limit: Duration) -> Self {
        self.start_limit = limit;
        self
    }

    /// Says which programs this machine lacks.
    #[must_use]
    pub fn missing_programs(&self) -> Vec<&'static str> {
        let needed = self.engine.programs().iter().copied();
        needed
            .filter(|program| find(program, &self.folders).is_none())
            .collect()
    }

    fn place(&self) -> Result<Arc<Place>, SandboxError> {
        let place = self.place.as_ref().map(Arc::clone);
        place.ok_or_else(|| unavailable("the sandbox was not prepared"))
    }

    fn make_place(&mut self) -> Result<Arc<Place>, SandboxError> {
        let mut programs = BTreeMap::new();
        let names = self
            .engine
            .programs()
            .iter()
            .chain(self.engine.welcome_programs());
        for name in names {
            if let Some(path) = find(name, &self.folders) {
                programs.insert(*name, path);
            }
        }
        let account = match rustix::process::geteuid().is_root() {
            false => None,
            true => {
                let found = account(self.engine.accounts());
                Some(found.ok_or_else(|| unavailable("there is no ordinary user to run it as"))?)
            }
        };
        let port = match self.network {
            Network::None => None,
            Network::Loopback => Some(free_port()?),
        };
        let failed = |error| unavailable(format!("no folder in {}: {error}", self.root.display()));
        let home = Home::create(&self.root).map_err(failed)?;
        let path = home.path().to_owned();
        self.path = Some(path.clone());
        self.home = Some(home);
        if path.as_os_str().len() > MAX_PATH_BYTES {
            let what = format!("the path {} is too long for a socket", path.display());
            return Err(unavailable(what));
        }
        if let Some((user, group)) = account {
            chown(&path, Some(user), Some(group)).map_err(failed)?;
        }
        let place = Arc::new(Place {
            home: path,
            port,
            account,
            programs,
        });
        self.place = Some(Arc::clone(&place));
        Ok(place)
    }
}

impl Sandbox for DatabaseSandbox {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn prepare(&mut self, need: &Need, stop: &Stop) -> Result<Intake, SandboxError> {
        stop.check()?;
        let missing = self.missing_programs();
        if !missing.is_empty() {
            let what = format!("this machine has no {}", missing.join(", "));
            return Err(unavailable(what));
        }
        // What cannot be removed is the trouble of whoever looks after the root, and not of this drill.
        drop(sweep(&self.root));
        let room = need
            .bytes
            .saturating_mul(GROWTH)
            .saturating_add(self.engine.empty_bytes());
        check_room(&self.root, room, self.max_bytes, self.reserve_bytes)?;
        let place = self.make_place()?;
        for call in self.engine.set_up(&place) {
            // An `initdb` that is interrupted leaves shared memory behind for good.
            let said = finished(call.run(&stop.shielded(SET_UP_LIMIT)))?;
            stop.check()?;
            if !said.status.success() {
                return Err(unavailable(said_by(&call, &said)));
            }
        }
        Ok(Intake::Stream)
    }

    fn start(&mut self, stop: &Stop) -> Result<Connection, SandboxError> {
        let place = self.place()?;
        let stop = stop.within(self.start_limit);
        if let Some(call) = self.engine.serve(&place) {
            let failed = |error| unavailable(format!("{}: {error}", call.program.display()));
            self.server = Some(call.start(Stdio::null()).map_err(failed)?);
            self.wait_until_ready(&place, &stop)?;
        }
        for sql in self
            .engine
            .before_load()
            .iter()
            .copied()
            .chain([self.prelude.as_str()])
        {
            if sql.is_empty() {
                continue;
            }
            let call = self.engine.administer(&place, sql);
            let said = finished(call.run(&stop))?;
            if !said.status.success() {
                return Err(unavailable(said_by(&call, &said)));
            }
        }
        let client = Client {
            engine: Arc::clone(&self.engine),
            place: Arc::clone(&place),
        };
        let mut connection = Connection::new().with_sql(Arc::new(client));
        for (name, value) in self.engine.facts(&place) {
            connection = connection.with_fact(name, value);
        }
        if let Some(port) = place.port {
            connection = connection.with_address(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        }
        Ok(connection)
    }

    fn loader(&mut self, stop: &Stop) -> Result<Box<dyn Loader>, SandboxError> {
        let place = self.place()?;
        let engine = Arc::clone(&self.engine);
        Ok(Box::new(PipeLoader::new(engine, place, stop.clone())))
    }

    fn tear_down(&mut self) -> Result<(), SandboxError> {
        if let Some(mut server) = self.server.take() {
            // Nobody needs its data: it ends at once, and frees its shared memory.
            server.interrupt(Signal::QUIT);
            for _ in 0..END_PATIENCE {
                if server.has_ended() {
                    break;
                }
                std::thread::park_timeout(Duration::from_millis(20));
            }
            server.kill();
        }
        let Some(home) = &self.home else {
            return Ok(());
        };
        let what = |error| SandboxError::new(SandboxErrorKind::Remains, format!("{error}"));
        home.remove().map_err(what)?;
        self.home = None;
        Ok(())
    }

    fn remains(&self) -> Vec<String> {
        let mut remains = self.path.as_deref().map(Home::remains).unwrap_or_default();
        let port = self.place.as_ref().and_then(|place| place.port);
        if let Some(port) = port {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
                remains.push(format!("port {port}"));
            }
        }
        remains
    }
}

impl DatabaseSandbox {
    fn wait_until_ready(&mut self, place: &Place, stop: &Stop) -> Result<(), SandboxError> {
        let call = self.engine.ping(place);
        loop {
            if finished(call.run(stop))?.status.success() {
                return Ok(());
            }
            if let Some(server) = &mut self.server
                && server.has_ended()
            {
                let what = format!("the server ended: {}", last_line(&server.last_words()));
                return Err(unavailable(what));
            }
            stop.pause(Duration::from_millis(20))?;
        }
    }
}

impl Drop for DatabaseSandbox {
    fn drop(&mut self) {
        // A second time it does nothing.
        drop(self.tear_down());
    }
}

/// Asks the server by its own client program.
#[derive(Debug)]
struct Client {
    engine: Arc<dyn Engine>,
    place: Arc<Place>,
}

impl Client {
    fn run(&self, call: &Call, stop: &Stop) -> Result<String, SqlError> {
        let said = call.run(stop).map_err(|mute| match mute {
            Mute::Stopped(stopped) => SqlError::Stopped(stopped),
            Mute::Failed(error) => {
                SqlError::Missing(format!("{}: {error}", call.program.display()))
            }
        })?;
        if !said.status.success() {
            return Err(SqlError::Refused(last_line(&said.errors)));
        }
        if said.is_cut {
            let what = "the answer is too long to be compared".to_owned();
            return Err(SqlError::Refused(what));
        }
        Ok(said.output.trim_end_matches('\n').to_owned())
    }
}

impl Sql for Client {
    fn query(&self, sql: &str, stop: &Stop) -> Result<String, SqlError> {
        self.run(&self.engine.ask(&self.place, sql), stop)
    }

    fn check(&self, stop: &Stop) -> Result<Vec<String>, SqlError> {
        let ask = |call: &Call| self.run(call, stop);
        self.engine.check(&self.place, &ask)
    }
}

/// Makes an error of a program that could not be run to its end.
fn finished(run: Result<Said, Mute>) -> Result<Said, SandboxError> {
    run.map_err(|mute| match mute {
        Mute::Stopped(stopped) => stopped.into(),
        Mute::Failed(error) => unavailable(format!("a program does not run: {error}")),
    })
}

fn said_by(call: &Call, said: &Said) -> String {
    let program = call.program.display();
    format!("{program}: {}: {}", said.status, last_line(&said.errors))
}

/// Returns the last line that is not empty, without what is too long to read.
fn last_line(text: &str) -> String {
    let lines = text.lines().rev().map(str::trim);
    let last = lines.into_iter().find(|line| !line.is_empty());
    last.unwrap_or_default()
        .chars()
        .take(MAX_LINE_CHARS)
        .collect()
}

/// Returns a port that nobody listens on. Somebody may be faster; then the server does not start, and says so.
fn free_port() -> Result<u16, SandboxError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    let address = address.map_err(|error| unavailable(format!("no free port: {error}")))?;
    Ok(address.port())
}

/// Returns a path as an argument with something before it.
fn joined(before: &str, path: &Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from(before);
    argument.push(path);
    argument
}

/// Sockets have paths of at most 107 bytes, and the server adds its own name.
const MAX_PATH_BYTES: usize = 80;
/// How much larger than its dump a database with its indexes and log may be.
const GROWTH: u64 = 3;
/// Times 20 ms: how long a server that was told to end is waited for.
const END_PATIENCE: usize = 250;
/// How long making an empty database may take, which is not interrupted.
const SET_UP_LIMIT: Duration = Duration::from_secs(90);
const START_LIMIT: Duration = Duration::from_secs(120);
const MAX_LINE_CHARS: usize = 400;
