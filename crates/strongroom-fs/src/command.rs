//! The output of a command as a source of one entry.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use strongroom_format::SkipReason;
use strongroom_repo::{Batch, Content, Entry, Piece, Source, SourceError, Walk};

use crate::single::{self, SingleWalk};

/// Runs a command, without a shell, and backs up what it writes to its standard output. A command that ends with anything
/// but success makes the backup fail: half a database dump must not look like a whole one.
///
/// Each [`Source::open`] runs it anew.
#[derive(Debug, Clone)]
pub struct CommandSource {
    name: Vec<u8>,
    program: OsString,
    arguments: Vec<OsString>,
    directory: Option<PathBuf>,
    variables: Vec<(OsString, OsString)>,
    errors: Errors,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Errors {
    /// The end of it goes into the error.
    Kept,
    /// They go where those of this process go.
    PassedOn,
}

/// How much of the standard error is kept for the error's text.
const MAX_TAIL_BYTES: usize = 4 << 10;

impl CommandSource {
    /// Makes a source that records the output of `argv` under `name`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when `argv` is empty, or `name` is not a legal name of an entry.
    pub fn new<A: Into<OsString>>(
        name: impl Into<Vec<u8>>,
        argv: impl IntoIterator<Item = A>,
    ) -> std::io::Result<Self> {
        let name = single::check_name(name.into())?;
        let mut argv = argv.into_iter().map(Into::into);
        let no_program = || {
            std::io::Error::new(
                std::io::ErrorKind::InvalidInput,
                "a command needs a program",
            )
        };
        let program = argv
            .next()
            .filter(|program| !program.is_empty())
            .ok_or_else(no_program)?;
        let arguments = argv.collect();
        Ok(Self {
            name,
            program,
            arguments,
            directory: None,
            variables: Vec::new(),
            errors: Errors::Kept,
        })
    }

    /// Sets the directory that it runs in.
    #[must_use]
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Adds a variable to its environment, which is else that of this process.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Lets its standard error go where that of this process goes. Else its end becomes part of the error if the command fails.
    #[must_use]
    pub fn pass_errors_on(mut self) -> Self {
        self.errors = Errors::PassedOn;
        self
    }

    fn start(&self) -> std::io::Result<CommandContent> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stderr(match self.errors {
            Errors::Kept => Stdio::piped(),
            Errors::PassedOn => Stdio::inherit(),
        });
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let mut child = command.spawn()?;
        let output = child.stdout.take();
        let mut running = CommandContent {
            program: self.program.to_string_lossy().into_owned(),
            output,
            tail: None,
            child,
            ended: false,
            len: 0,
        };
        if let Some(errors) = running.child.stderr.take() {
            // If there is no thread, dropping `running` ends the command.
            running.tail = Some(Tail::start(errors)?);
        }
        Ok(running)
    }
}

impl Source for CommandSource {
    fn walk(&self) -> Result<Box<dyn Walk + Send + '_>, SourceError> {
        Ok(Box::new(SingleWalk::new(&self.name)))
    }

    fn fill(&self, batch: &mut Batch) {
        single::fill(batch);
    }

    fn open(&self, _entry: &Entry) -> Result<Box<dyn Content + Send + '_>, SourceError> {
        match self.start() {
            Ok(running) => Ok(Box::new(running)),
            Err(error) => {
                let program = self.program.to_string_lossy();
                Err(SourceError::fatal(
                    SkipReason::Other,
                    format!("cannot run {program}: {error}"),
                ))
            }
        }
    }

    fn owner_name(&self, _uid: u32) -> Option<Vec<u8>> {
        None
    }

    fn group_name(&self, _gid: u32) -> Option<Vec<u8>> {
        None
    }
}

/// A running command. Dropped early, it is killed.
#[derive(Debug)]
struct CommandContent {
    program: String,
    output: Option<ChildStdout>,
    tail: Option<Tail>,
    child: Child,
    ended: bool,
    len: u64,
}

impl Content for CommandContent {
    fn read(&mut self, buf: &mut [u8]) -> Result<Piece, SourceError> {
        let Some(output) = &mut self.output else {
            return Ok(Piece::End);
        };
        let piece = single::read(output, buf)?;
        if let Piece::Data(count) = piece {
            self.len += count as u64;
        }
        Ok(piece)
    }

    fn finish(&mut self, entry: &mut Entry) -> Result<bool, SourceError> {
        self.output = None;
        let failed = |message| SourceError::fatal(SkipReason::Other, message);
        let status = self
            .child
            .wait()
            .map_err(|error| failed(format!("{}: {error}", self.program)))?;
        self.ended = true;
        if status.success() {
            entry.node.size = self.len;
            return Ok(false);
        }
        let tail = self.tail.take().map(Tail::end).unwrap_or_default();
        Err(failed(
            format!("{}: {status}: {}", self.program, tail.trim_end())
                .trim_end_matches([':', ' '])
                .to_owned(),
        ))
    }
}

impl Drop for CommandContent {
    fn drop(&mut self) {
        if !self.ended {
            // It may have ended by itself; there is nobody to tell either way.
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// The end of what a command writes to its standard error.
#[derive(Debug)]
struct Tail {
    kept: Arc<Mutex<VecDeque<u8>>>,
    ended: mpsc::Receiver<()>,
}

/// Something that the command left running may hold its standard error open; it is not waited for longer than this.
const TAIL_PATIENCE: Duration = Duration::from_secs(1);

impl Tail {
    fn start(errors: ChildStderr) -> std::io::Result<Self> {
        let kept = Arc::new(Mutex::new(VecDeque::new()));
        let (end, ended) = mpsc::channel();
        let into = Arc::clone(&kept);
        let thread = std::thread::Builder::new().name("strongroom-stderr".to_owned());
        // It ends with the last one that holds the other end, and holds nothing of ours but the buffer.
        drop(thread.spawn(move || {
            keep_tail(errors, &into);
            drop(end);
        })?);
        Ok(Self { kept, ended })
    }

    fn end(self) -> String {
        // The channel never carries anything: it is closed when all was read.
        self.ended.recv_timeout(TAIL_PATIENCE).unwrap_or_default();
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8_lossy(&Vec::from(kept)).into_owned()
    }
}

fn keep_tail(mut errors: ChildStderr, kept: &Mutex<VecDeque<u8>>) {
    let mut buf = [0; 4_096];
    loop {
        match errors.read(&mut buf) {
            Ok(0) => return,
            Ok(count) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(buf.iter().take(count));
                let surplus = kept.len().saturating_sub(MAX_TAIL_BYTES);
                kept.drain(..surplus);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
