//! Programs of others: found, run with a limit, and ended with all that they started.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::stop::{Stop, Stopped};

/// A program and what it is told. Its environment is empty but for what is here.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) variables: Vec<(String, OsString)>,
    pub(crate) directory: Option<PathBuf>,
    /// User and group that it runs as.
    pub(crate) account: Option<(u32, u32)>,
}

/// What a program that ended said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: ExitStatus,
    /// At most [`MAX_OUTPUT_BYTES`].
    pub(crate) output: String,
    /// The output was longer.
    pub(crate) is_cut: bool,
    /// The end of its standard error.
    pub(crate) errors: String,
}

/// Why a program said nothing.
#[derive(Debug)]
pub(crate) enum Mute {
    Stopped(Stopped),
    Failed(io::Error),
}

impl Call {
    pub(crate) fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            variables: vec![
                ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".into()),
                ("LC_ALL".to_owned(), "C.UTF-8".into()),
            ],
            directory: None,
            account: None,
        }
    }

    pub(crate) fn args<A: Into<OsString>>(mut self, more: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(more.into_iter().map(Into::into));
        self
    }

    pub(crate) fn directory(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.to_owned());
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, stop: &Stop) -> Result<Said, Mute> {
        let mut running = self.start(Stdio::null()).map_err(Mute::Failed)?;
        running.wait(stop)
    }

    /// Starts it, in a process group of its own.
    pub(crate) fn start(&self, input: Stdio) -> io::Result<Running> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        if let Some((user, group)) = self.account {
            command.gid(group).uid(user);
        }
        command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.process_group(0).spawn()?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let output = child
            .stdout
            .take()
            .map(|from| Kept::start(from, Keep::Head));
        let errors = child
            .stderr
            .take()
            .map(|from| Kept::start(from, Keep::Tail));
        Ok(Running {
            child,
            group,
            output,
            errors,
            has_ended: false,
        })
    }
}

/// A program that runs. Dropped early, it is killed with all that it started.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    group: Option<Pid>,
    output: Option<Kept>,
    errors: Option<Kept>,
    has_ended: bool,
}

impl Running {
    pub(crate) fn input(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Says whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.has_ended |= matches!(self.child.try_wait(), Ok(Some(_)));
        self.has_ended
    }

    /// Waits for its end; it is killed when it is time to stop.
    pub(crate) fn wait(&mut self, stop: &Stop) -> Result<Said, Mute> {
        drop(self.child.stdin.take());
        let mut moment = Duration::from_millis(1);
        let status = loop {
            if let Some(status) = self.child.try_wait().map_err(Mute::Failed)? {
                break status;
            }
            if let Err(stopped) = stop.pause(moment) {
                self.end();
                return Err(Mute::Stopped(stopped));
            }
            moment = (moment * 2).min(LOOK_EVERY);
        };
        self.has_ended = true;
        let (output, is_cut) = self.output.take().map(Kept::end).unwrap_or_default();
        let (errors, _) = self.errors.take().map(Kept::end).unwrap_or_default();
        Ok(Said {
            status,
            output,
            is_cut,
            errors,
        })
    }

    /// Asks it to end.
    pub(crate) fn interrupt(&self, signal: Signal) {
        if let Some(pid) = self.group {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }

    /// Asks it and all that it started to end, and soon kills what does not: what is killed has no time to free shared memory.
    fn end(&mut self) {
        if let Some(group) = self.group.filter(|_| !self.has_ended()) {
            let _ = kill_process_group(group, Signal::TERM);
        }
        for _ in 0..END_PATIENCE {
            if self.has_ended() {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        self.kill();
    }

    /// Ends it and all that it started.
    pub(crate) fn kill(&mut self) {
        if self.has_ended {
            return;
        }
        if let Some(group) = self.group {
            let _ = kill_process_group(group, Signal::KILL);
        }
        drop(self.child.kill());
        drop(self.child.wait());
        self.has_ended = true;
    }

    /// Returns the end of what it has said so far.
    pub(crate) fn last_words(&self) -> String {
        self.errors.as_ref().map(Kept::so_far).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            self.kill();
        }
    }
}

/// Writes to a program's input. One that has ended is noticed at the next piece.
pub(crate) fn feed(input: &mut ChildStdin, piece: &[u8]) -> io::Result<()> {
    input.write_all(piece)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Head,
    Tail,
}

/// What a program writes, or a part of that.
#[derive(Debug)]
struct Kept {
    bytes: Arc<Mutex<(VecDeque<u8>, bool)>>,
    thread: Option<JoinHandle<()>>,
}

impl Kept {
    fn start(from: impl Read + Send + 'static, keep: Keep) -> Self {
        let bytes = Arc::new(Mutex::new((VecDeque::new(), false)));
        let into = Arc::clone(&bytes);
        let thread = std::thread::Builder::new().name("strongroom-drill-output".to_owned());
        // Without a thread the program's pipe closes, and it notices.
        let thread = thread.spawn(move || keep_some(from, &into, keep)).ok();
        Self { bytes, thread }
    }

    fn end(mut self) -> (String, bool) {
        // What the program started may hold the pipe open for ever: it is not waited for long.
        if let Some(thread) = self.thread.take() {
            for _ in 0..PATIENCE {
                if thread.is_finished() {
                    break;
                }
                std::thread::park_timeout(Duration::from_millis(5));
            }
        }
        let (_, is_cut) = *self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        (self.so_far(), is_cut)
    }

    fn so_far(&self) -> String {
        let kept = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.0.iter().copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn keep_some(mut from: impl Read, into: &Mutex<(VecDeque<u8>, bool)>, keep: Keep) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let mut kept = into.lock().unwrap_or_else(PoisonError::into_inner);
        kept.0.extend(buffer.iter().take(count));
        match keep {
            Keep::Head if kept.0.len() > MAX_OUTPUT_BYTES => {
                kept.0.truncate(MAX_OUTPUT_BYTES);
                kept.1 = true;
            }
            Keep::Tail if kept.0.len() > MAX_TAIL_BYTES => {
                let surplus = kept.0.len() - MAX_TAIL_BYTES;
                kept.0.drain(..surplus);
            }
            _ => {}
        }
    }
}

/// Finds a program in folders, of which some end in `*/…`: the newest version by number is first there.
pub(crate) fn find(program: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| path.is_file();
    folders
        .iter()
        .map(|folder| folder.join(program))
        .find(is_program)
}

/// Returns the folders that programs are in on most systems.
pub(crate) fn usual_folders() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            Some((number, entry.path().join("bin")))
        })
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    let versions = versions.into_iter().map(|(_, path)| path);
    let usual = [
        "/usr/local/bin",
        "/usr/bin",
        "/bin",
        "/usr/local/sbin",
        "/usr/sbin",
        "/sbin",
    ];
    versions.chain(usual.map(PathBuf::from)).collect()
}

/// Returns user and group of the first account of these names that the system has.
pub(crate) fn account(names: &[&str]) -> Option<(u32, u32)> {
    let text = std::fs::read_to_string("/etc/passwd").ok()?;
    let found = |name: &&str| {
        text.lines().find_map(|line| {
            let mut fields = line.split(':');
            let is_it = fields.next() == Some(name);
            let user = fields.nth(1)?.parse().ok()?;
            let group = fields.next()?.parse().ok()?;
            is_it.then_some((user, group))
        })
    };
    names.iter().find_map(found)
}

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Times 5 ms: what is waited for the end of the output of a program that has ended.
const PATIENCE: usize = 200;
/// Times 10 ms: how long a program that was asked to end is waited for.
const END_PATIENCE: usize = 100;
/// How much is kept of what a program writes to its output.
const MAX_OUTPUT_BYTES: usize = 1 << 20;
/// How much is kept of the end of its standard error.
const MAX_TAIL_BYTES: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Call {
        Call::new("/bin/sh").args(["-c", script])
    }

    #[test]
    fn what_a_program_says_is_kept_within_limits() {
        let said = shell("echo out; echo err >&2; exit 3")
            .run(&Stop::never())
            .unwrap();
        assert_eq!(said.status.code(), Some(3));
        assert_eq!(
            (said.output.as_str(), said.errors.as_str()),
            ("out\n", "err\n")
        );
        let many = shell("head -c 2000000 /dev/zero")
            .run(&Stop::never())
            .unwrap();
        assert!(many.is_cut);
        assert_eq!(many.output.len(), MAX_OUTPUT_BYTES);
    }

    #[test]
    fn a_program_that_takes_too_long_is_killed_with_its_children() {
        let stop = Stop::never().within(Duration::from_millis(50));
        let stopped = shell("sleep 600 & sleep 600").run(&stop);
        assert!(matches!(stopped, Err(Mute::Stopped(Stopped::TimedOut))));
    }

    #[test]
    fn the_environment_is_empty_but_for_what_is_said() {
        let said = shell("env | cut -d= -f1 | sort | tr '\\n' ' '")
            .run(&Stop::never())
            .unwrap();
        assert!(!said.output.contains("HOME"), "{}", said.output);
    }
}
