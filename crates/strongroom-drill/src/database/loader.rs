//! A dump goes from the repository into the database's own client, and never to the disk.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::chown;
use std::process::{ChildStdin, Stdio};
use std::sync::Arc;

use super::engine::{Engine, Load, Place};
use super::last_line;
use crate::process::{Mute, Running, feed};
use crate::sandbox::{Loader, SandboxError, refused, unavailable};
use crate::stop::Stop;

/// Starts what takes the content when the first of it shows what it is.
pub(super) struct PipeLoader {
    engine: Arc<dyn Engine>,
    place: Arc<Place>,
    stop: Stop,
    /// What has come while too little is known.
    first: Vec<u8>,
    into: Option<Into>,
}

enum Into {
    Pipe(Running, ChildStdin),
    File(File),
    /// A program is missing.
    Nothing(&'static str),
}

impl PipeLoader {
    pub(super) fn new(engine: Arc<dyn Engine>, place: Arc<Place>, stop: Stop) -> Self {
        Self {
            engine,
            place,
            stop,
            first: Vec::new(),
            into: None,
        }
    }

    fn open(&mut self) -> io::Result<()> {
        let into = match self.engine.load(&self.place, &self.first) {
            Load::Pipe(call) => {
                let mut running = call.start(Stdio::piped())?;
                let input = running.input();
                Into::Pipe(running, input.ok_or(io::ErrorKind::BrokenPipe)?)
            }
            Load::File(path) => {
                let file = File::create_new(&path)?;
                if let Some((user, group)) = self.place.account {
                    chown(&path, Some(user), Some(group))?;
                }
                Into::File(file)
            }
            Load::Missing(program) => Into::Nothing(program),
        };
        self.into = Some(into);
        let first = std::mem::take(&mut self.first);
        self.give(&first)
    }

    fn give(&mut self, piece: &[u8]) -> io::Result<()> {
        match &mut self.into {
            Some(Into::Pipe(_, input)) => feed(input, piece),
            Some(Into::File(file)) => file.write_all(piece),
            Some(Into::Nothing(program)) => Err(io::Error::other(*program)),
            None => Ok(()),
        }
    }
}

impl Write for PipeLoader {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if let Err(stopped) = self.stop.check() {
            return Err(io::Error::other(stopped));
        }
        if self.into.is_none() {
            self.first.extend_from_slice(piece);
            if self.first.len() >= FIRST_BYTES {
                self.open()?;
            }
        } else {
            self.give(piece)?;
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Loader for PipeLoader {
    fn finish(mut self: Box<Self>) -> Result<(), SandboxError> {
        if self.into.is_none() {
            // A pipe that closed is explained below by who closed it.
            drop(self.open());
        }
        let opened = |error| unavailable(format!("nothing takes the dump: {error}"));
        match self.into.take() {
            Some(Into::Pipe(mut running, input)) => {
                drop(input);
                match running.wait(&self.stop) {
                    Ok(said) if said.status.success() => Ok(()),
                    Ok(said) => {
                        let what = last_line(&said.errors);
                        Err(refused(format!("{} said: {what}", self.engine.name())))
                    }
                    Err(Mute::Stopped(stopped)) => Err(stopped.into()),
                    Err(Mute::Failed(error)) => Err(opened(error)),
                }
            }
            Some(Into::File(file)) => file.sync_all().map_err(opened),
            Some(Into::Nothing(program)) => {
                Err(unavailable(format!("this machine has no {program}")))
            }
            None => Err(unavailable("nothing takes the dump")),
        }
    }
}

/// As much as any kind of content is known by.
const FIRST_BYTES: usize = 16;
