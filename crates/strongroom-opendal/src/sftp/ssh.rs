//! The system's own `ssh`, as the way to a server.

use std::ffi::OsString;
use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use strongroom_store::{Cause, Environment, Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::channel::{Channel, Fault};
use super::{Dial, SftpSettings};

/// Starts `ssh` and speaks to the file transfer subsystem at its other end.
///
/// Keys, agents, jump hosts and host keys are what the user's configuration of `ssh` says; it is never allowed to ask.
#[derive(Debug, Clone)]
pub(crate) struct Ssh {
    program: OsString,
    arguments: Vec<OsString>,
    /// All that `ssh` gets to see of the environment.
    variables: Vec<(&'static str, String)>,
    silence_max: Duration,
}

/// What `ssh` needs to find itself, its configuration and an agent.
const VARIABLES: [&str; 5] = ["PATH", "HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK"];

/// What `ssh` says is kept to this length, from the start: the first lines tell what is wrong.
const SAID_BYTES_MAX: usize = 8 << 10;

/// How long `ssh` has to end, and to say why, after the conversation with it has.
const LAST_WORDS: Duration = Duration::from_secs(5);

impl Ssh {
    /// Returns the way to a server. Starts nothing.
    pub(crate) fn new(settings: &SftpSettings, environment: &dyn Environment) -> Self {
        let silence_secs = settings.timeout.as_secs().max(1);
        let mut arguments: Vec<OsString> = Vec::new();
        let mut option = |text: String| arguments.extend(["-o".into(), text.into()]);
        for text in [
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            "ControlMaster=no",
            "ControlPath=none",
            "ClearAllForwardings=yes",
            "ForwardAgent=no",
            "ForwardX11=no",
            "PermitLocalCommand=no",
            "RemoteCommand=none",
            "RequestTTY=no",
            "LogLevel=ERROR",
            "ServerAliveCountMax=3",
        ] {
            option(text.to_owned());
        }
        option(format!("ConnectTimeout={silence_secs}"));
        option(format!("ServerAliveInterval={}", silence_secs.div_ceil(3)));
        if let Some(file) = &settings.known_hosts {
            // In quotes, because the option is a list of files, in whose names a percent sign starts something.
            let file = file.display().to_string().replace('%', "%%");
            option(format!("UserKnownHostsFile=\"{file}\""));
            option("GlobalKnownHostsFile=/dev/null".to_owned());
        }
        if let Some(file) = &settings.key {
            option("IdentitiesOnly=yes".to_owned());
            arguments.extend(["-i".into(), file.into()]);
        }
        if let Some(port) = settings.port {
            arguments.extend(["-p".into(), port.to_string().into()]);
        }
        if let Some(user) = &settings.user {
            arguments.extend(["-l".into(), user.into()]);
        }
        let host = settings.host.trim_matches(['[', ']']);
        arguments.extend(["-s".into(), "--".into(), host.into(), "sftp".into()]);
        let found = |name| Some((name, environment.variable(name)?));
        Self {
            program: "ssh".into(),
            arguments,
            variables: VARIABLES.into_iter().filter_map(found).collect(),
            silence_max: settings.timeout,
        }
    }

    fn spawn(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("LC_ALL", "C") // what it says is read by a program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }
}

#[async_trait]
impl Dial for Ssh {
    async fn dial(&self) -> Result<Channel> {
        let mut child = self.spawn().map_err(not_started)?;
        let (Some(to), Some(from), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(connect(ErrorKind::Other).with_source("ssh has no pipes"));
        };
        let said = Said::default();
        let mut listener = Listener(tokio::spawn(said.clone().listen(errors)));
        // The child goes with the guard, and is killed where it has not ended by itself.
        let (guard, keeper) = tokio::sync::oneshot::channel::<()>();
        let started = Channel::start(from, to, self.silence_max, guard).await;
        match started {
            Ok(channel) => {
                drop(tokio::spawn(async move {
                    let _ = keeper.await;
                    drop((child, listener));
                }));
                Ok(channel)
            }
            Err(fault) => {
                drop(timeout(LAST_WORDS, child.wait()).await);
                drop(timeout(LAST_WORDS, &mut listener.0).await);
                Err(refused(&said.text(), fault))
            }
        }
    }
}

/// What `ssh` has said so far.
#[derive(Debug, Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    /// Reads all, so that `ssh` never waits for us, and keeps the start.
    async fn listen(self, mut errors: impl AsyncRead + Unpin) {
        let mut piece = [0; 1_024];
        while let Ok(len @ 1..) = errors.read(&mut piece).await {
            let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let room = SAID_BYTES_MAX.saturating_sub(said.len()).min(len);
            said.extend_from_slice(piece.get(..room).unwrap_or_default());
        }
    }

    fn text(&self) -> String {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&said).trim().to_owned()
    }
}

/// A task that ends with this.
struct Listener(JoinHandle<()>);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn connect(kind: ErrorKind) -> Error {
    Error::new(kind, "connect")
}

fn not_started(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => connect(ErrorKind::Unsupported)
            .with_source("the program `ssh` is not there; install an OpenSSH client"),
        _ => connect(ErrorKind::Unavailable).with_source(error),
    }
}

/// Returns the error for a connection that did not come about, by what `ssh` said.
fn refused(said: &str, fault: Fault) -> Error {
    let (kind, cause) = classify(said, &fault);
    let error = match cause {
        Some(cause) => connect(kind).with_cause(cause),
        None => connect(kind),
    };
    if said.is_empty() {
        error.with_source(fault)
    } else {
        error.with_source(said.to_owned())
    }
}

/// The words of OpenSSH's client, in the order in which they matter, and what they mean.
const MEANINGS: &[(&str, ErrorKind, Option<Cause>)] = &[
    (
        "Host key verification failed",
        ErrorKind::Other,
        Some(Cause::Certificate),
    ),
    (
        "host key is known for",
        ErrorKind::Other,
        Some(Cause::Certificate),
    ),
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        ErrorKind::Other,
        Some(Cause::Certificate),
    ),
    (
        "not accessible: No such file",
        ErrorKind::PermissionDenied,
        Some(Cause::NoCredentials),
    ),
    (
        "Permission denied",
        ErrorKind::PermissionDenied,
        Some(Cause::WrongCredentials),
    ),
    (
        "Too many authentication failures",
        ErrorKind::PermissionDenied,
        Some(Cause::WrongCredentials),
    ),
    ("subsystem request failed", ErrorKind::Unsupported, None),
    ("Could not resolve hostname", ErrorKind::Unavailable, None),
    ("timed out", ErrorKind::Unavailable, Some(Cause::Timeout)),
    (
        "Timeout, server",
        ErrorKind::Unavailable,
        Some(Cause::Timeout),
    ),
    ("Connection refused", ErrorKind::Unavailable, None),
    ("Connection reset", ErrorKind::Unavailable, None),
    ("Connection closed", ErrorKind::Unavailable, None),
    ("onnection to", ErrorKind::Unavailable, None),
    ("kex_exchange_identification", ErrorKind::Unavailable, None),
    ("unreachable", ErrorKind::Unavailable, None),
    ("No route to host", ErrorKind::Unavailable, None),
];

fn classify(said: &str, fault: &Fault) -> (ErrorKind, Option<Cause>) {
    let meaning = MEANINGS.iter().find(|(words, ..)| said.contains(words));
    match (meaning, fault) {
        (Some((_, kind, cause)), _) => (*kind, *cause),
        (None, Fault::Silent(_)) => (ErrorKind::Unavailable, Some(Cause::Timeout)),
        (None, Fault::Lost(_)) if said.is_empty() => (ErrorKind::Unavailable, None),
        _ => (ErrorKind::Other, None),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_ssh_says_has_a_kind_and_a_cause() {
        let cases = [
            (
                "No ED25519 host key is known for [127.0.0.1]:2222 and you have requested strict checking.\r\nHost key verification failed.",
                ErrorKind::Other,
                Some(Cause::Certificate),
            ),
            (
                "root@127.0.0.1: Permission denied (publickey).",
                ErrorKind::PermissionDenied,
                Some(Cause::WrongCredentials),
            ),
            (
                "Warning: Identity file /no/key not accessible: No such file or directory.\nroot@h: Permission denied (publickey).",
                ErrorKind::PermissionDenied,
                Some(Cause::NoCredentials),
            ),
            (
                "ssh: connect to host 127.0.0.1 port 1: Connection refused",
                ErrorKind::Unavailable,
                None,
            ),
            (
                "ssh: connect to host 10.255.255.1 port 22: Connection timed out",
                ErrorKind::Unavailable,
                Some(Cause::Timeout),
            ),
            (
                "subsystem request failed on channel 0",
                ErrorKind::Unsupported,
                None,
            ),
            (
                "ssh: Could not resolve hostname no.such: Name or service not known",
                ErrorKind::Unavailable,
                None,
            ),
            (
                "/root/.ssh/config: line 1: Bad configuration option: foo",
                ErrorKind::Other,
                None,
            ),
        ];
        for (said, kind, cause) in cases {
            let error = refused(said, Fault::Lost("early eof".to_owned()));
            assert_eq!((error.kind(), error.cause()), (kind, cause), "{said}");
        }
        let silent = refused("", Fault::Silent(Duration::from_secs(1)));
        assert_eq!(silent.cause(), Some(Cause::Timeout));
    }

    #[test]
    fn ssh_never_asks_and_trusts_only_whom_it_was_told_to() {
        let mut settings = SftpSettings::new("example.org");
        settings.user = Some("backup".to_owned());
        settings.port = Some(2222);
        settings.key = Some("/keys/id".into());
        settings.known_hosts = Some("/keys/known hosts".into());
        let environment = BTreeMap::from(
            [("HOME", "/home/me"), ("SECRET", "x")]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let ssh = Ssh::new(&settings, &environment);
        let arguments: Vec<_> = ssh
            .arguments
            .iter()
            .filter_map(|text| text.to_str())
            .collect();
        let line = arguments.join(" ");
        for part in [
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            "UserKnownHostsFile=\"/keys/known hosts\"",
            "-i /keys/id",
            "-p 2222",
            "-l backup",
        ] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
        assert!(line.ends_with("-s -- example.org sftp"));
        assert_eq!(ssh.variables, [("HOME", "/home/me".to_owned())]);
    }

    #[tokio::test]
    async fn a_missing_program_is_said() {
        let mut ssh = Ssh::new(&SftpSettings::new("example.org"), &());
        ssh.program = "/no/such/program".into();
        let error = ssh.dial().await.expect_err("it is not there");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
