//! Runs one of the programs and reads what it says.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) const AUDIT: &str = env!("CARGO_BIN_EXE_sr-audit");
pub(crate) const INFO: &str = env!("CARGO_BIN_EXE_sr-info");
pub(crate) const INIT: &str = env!("CARGO_BIN_EXE_sr-init");
pub(crate) const BACKUP: &str = env!("CARGO_BIN_EXE_sr-backup");
pub(crate) const RESTORE: &str = env!("CARGO_BIN_EXE_sr-restore");
pub(crate) const SNAPSHOTS: &str = env!("CARGO_BIN_EXE_sr-snapshots");
pub(crate) const LS: &str = env!("CARGO_BIN_EXE_sr-ls");
pub(crate) const CONFORM: &str = env!("CARGO_BIN_EXE_sr-conform");
pub(crate) const COPY: &str = env!("CARGO_BIN_EXE_sr-copy");
pub(crate) const FLEET: &str = env!("CARGO_BIN_EXE_fleet");
pub(crate) const FORGET: &str = env!("CARGO_BIN_EXE_sr-forget");
pub(crate) const PRUNE: &str = env!("CARGO_BIN_EXE_sr-prune");
pub(crate) const UNDELETE: &str = env!("CARGO_BIN_EXE_sr-undelete");
pub(crate) const DAMAGE: &str = env!("CARGO_BIN_EXE_sr-damage");
pub(crate) const MIRROR: &str = env!("CARGO_BIN_EXE_sr-mirror");
pub(crate) const VERIFY_SOURCE: &str = env!("CARGO_BIN_EXE_sr-verify-source");
pub(crate) const CHECK: &str = env!("CARGO_BIN_EXE_sr-check");
pub(crate) const REPAIR: &str = env!("CARGO_BIN_EXE_sr-repair");
pub(crate) const PARITY: &str = env!("CARGO_BIN_EXE_sr-parity");
pub(crate) const KEYS: &str = env!("CARGO_BIN_EXE_sr-keys");
pub(crate) const RECOVER: &str = env!("CARGO_BIN_EXE_sr-recover");
pub(crate) const KIT: &str = env!("CARGO_BIN_EXE_sr-kit");

pub(crate) const PASSWORD: &str = "not a secret";

/// No run of these sizes takes this long, unless it hangs.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A command line in the making.
#[derive(Debug)]
pub(crate) struct Program {
    command: Command,
    input: Option<Vec<u8>>,
}

/// What a program did.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit status; `None` when a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// A program on a repository, with the password and without a cache.
    pub(crate) fn new(program: &str, repository: &Path) -> Self {
        Self::bare(program)
            .arg("--repo")
            .arg(repository)
            .arg("--no-cache")
    }

    /// A program without any argument.
    pub(crate) fn bare(program: &str) -> Self {
        let mut command = Command::new(program);
        command
            .env("STRONGROOM_PASSWORD", PASSWORD)
            .env_remove("STRONGROOM_REPOSITORY")
            .env_remove("STRONGROOM_TO_PASSWORD")
            .env("RUST_BACKTRACE", "0");
        Self {
            command,
            input: None,
        }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn password(mut self, password: &str) -> Self {
        self.command.env("STRONGROOM_PASSWORD", password);
        self
    }

    /// The password of the repositories that are copied to.
    pub(crate) fn other_password(mut self, password: &str) -> Self {
        self.command.env("STRONGROOM_TO_PASSWORD", password);
        self
    }

    pub(crate) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = Some(input.into());
        self
    }

    pub(crate) fn spawn(mut self) -> Child {
        let stdin = if self.input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        };
        let command = self
            .command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        if let Some(input) = self.input {
            let mut stdin = child.stdin.take().unwrap();
            // Whoever does not read its input says so by its status.
            std::thread::spawn(move || drop(stdin.write_all(&input)));
        }
        child
    }

    /// Runs it to its end. A run that hangs, or says "panicked", fails the test.
    #[track_caller]
    pub(crate) fn run(self) -> Ended {
        let shown = format!("{:?}", self.command);
        let ended = wait(self.spawn(), TIMEOUT);
        assert!(
            !ended.stderr.contains("panicked"),
            "{shown}: {}",
            ended.stderr
        );
        assert!(
            ended.status.is_some(),
            "{shown}: it hung, or was killed: {}",
            ended.stderr
        );
        ended
    }

    /// Runs it, and expects that exit status.
    #[track_caller]
    pub(crate) fn expect(self, status: i32) -> Ended {
        let shown = format!("{:?}", self.command);
        let ended = self.run();
        assert_eq!(
            ended.status,
            Some(status),
            "{shown}\n{}\n{}",
            ended.stdout,
            ended.stderr
        );
        ended
    }
}

/// Waits for the end, and kills it when that takes too long.
pub(crate) fn wait(mut child: Child, timeout: Duration) -> Ended {
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let out = std::thread::spawn(move || all(&mut out));
    let err = std::thread::spawn(move || all(&mut err));
    let (killer, done) = std::sync::mpsc::channel::<()>();
    let id = child.id();
    let watch = std::thread::spawn(move || {
        let begun = Instant::now();
        if done.recv_timeout(timeout).is_err() && begun.elapsed() >= timeout {
            kill(id);
        }
    });
    let status = child.wait().unwrap();
    drop(killer);
    watch.join().unwrap();
    Ended {
        status: status.code(),
        stdout: out.join().unwrap(),
        stderr: err.join().unwrap(),
    }
}

/// Ends a process of ours from another thread than the one that waits for it.
fn kill(process: u32) {
    Command::new("kill")
        .args(["-9", &process.to_string()])
        .stderr(Stdio::null())
        .status()
        .unwrap();
}

fn all(from: &mut impl std::io::Read) -> String {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Ended {
    /// Standard output as JSON lines.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        let parse = |line: &str| -> Value {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
        };
        let lines: Vec<Value> = self.stdout.lines().map(parse).collect();
        for line in &lines {
            assert!(line["type"].is_string(), "a line without a type: {line}");
        }
        lines
    }

    /// The JSON lines of one type.
    #[track_caller]
    pub(crate) fn of_type(&self, kind: &str) -> Vec<Value> {
        self.lines()
            .into_iter()
            .filter(|line| line["type"] == kind)
            .collect()
    }

    /// The last line, which is the result.
    #[track_caller]
    pub(crate) fn result(&self) -> Value {
        let last = self.lines().pop();
        let last = last.unwrap_or_else(|| panic!("it said nothing: {}", self.stderr));
        assert_eq!(last["type"], "result", "{last}");
        last
    }

    /// Everything that it said.
    pub(crate) fn said(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

/// The path of a JSON line, as bytes.
pub(crate) fn path_of(line: &Value) -> PathBuf {
    let Some(hex) = line["path_hex"].as_str() else {
        return PathBuf::from(line["path"].as_str().unwrap());
    };
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    PathBuf::from(std::ffi::OsString::from_vec(
        (0..hex.len()).step_by(2).map(digit).collect(),
    ))
}

/// Makes a repository.
pub(crate) fn init(repository: &Path) {
    Program::new(INIT, repository)
        .arg("--fast-kdf-for-tests")
        .expect(0);
}
