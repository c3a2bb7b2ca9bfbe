//! What all threads of a restore share, and how entries come to their end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::blobs::Blobs;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind};
use crate::restore::dir::Dir;
use crate::restore::file::FileTask;
use crate::restore::links::{LinkNow, LinkTask};
use crate::restore::needs::Needs;
use crate::restore::open_files::OpenFiles;
use crate::restore::options::{Cold, Mode, RestoreOptions};
use crate::restore::report::{Failure, LostReason, Tally};
use crate::target::{Aspect, Deviation, Target, TargetError, TargetFile};

/// What all threads of a restore share.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) target: Arc<dyn Target>,
    pub(super) blobs: Blobs,
    pub(super) remote: Remote,
    pub(super) tally: Tally,
    pub(super) files: OpenFiles,
    /// Nothing is fetched or written.
    pub(super) dry: bool,
    /// What becomes of files whose content is in cold storage.
    pub(super) cold: Cold,
    /// What would be fetched, if that is to be remembered.
    pub(super) needs: Option<Needs>,
    stop: Stop,
    ended: Ended,
}

/// Why everything comes to an end early.
#[derive(Debug, Default)]
struct Stop {
    flag: AtomicBool,
    error: Mutex<Option<Error>>,
}

/// What the planner waits for once it has planned everything.
#[derive(Debug, Default)]
struct Ended {
    state: Mutex<EndState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct EndState {
    root_finished: bool,
    /// Links that the target refused and that become copies.
    copies: Vec<LinkTask>,
}

/// What the planner has to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// Everything is done, or everything ends early.
    Ended,
    /// These are to be restored as copies.
    Copies(Vec<LinkTask>),
}

impl Run {
    pub(super) fn new(
        target: Arc<dyn Target>,
        blobs: Blobs,
        remote: Remote,
        tally: Tally,
        options: &RestoreOptions,
    ) -> Self {
        Self {
            target,
            blobs,
            remote,
            tally,
            files: OpenFiles::default(),
            dry: options.mode == Mode::DryRun,
            cold: options.cold,
            needs: None,
            stop: Stop::default(),
            ended: Ended::default(),
        }
    }

    /// Ends everything early; the first error stays.
    pub(super) fn stop(&self, error: Error) {
        lock(&self.stop.error).get_or_insert(error);
        self.stop.flag.store(true, Ordering::Release);
        self.ended.changed.notify_all();
    }

    /// Says whether everything is to end.
    pub(super) fn is_stopped(&self) -> bool {
        if self.remote.is_cancelled() {
            self.stop(crate::edge::cancelled());
        }
        if self.blobs.is_forgotten() {
            self.stop(crate::blobs::forgotten());
        }
        self.stop.flag.load(Ordering::Acquire)
    }

    pub(super) fn take_stop(&self) -> Option<Error> {
        lock(&self.stop.error).take()
    }

    /// Makes a failure of what the target said; a full target ends everything.
    pub(super) fn target_failure(&self, error: &TargetError) -> Failure {
        if error.is_no_space() {
            self.stop(Error::new(ErrorKind::Target, "the target is full").caused_by(error.clone()));
        }
        Failure::from(error)
    }

    /// Returns links that have become copies, without waiting.
    pub(super) fn take_copies(&self) -> Vec<LinkTask> {
        std::mem::take(&mut lock(&self.ended.state).copies)
    }

    /// Waits until the root is finished or there is more to do.
    pub(super) fn wait(&self) -> Next {
        let mut state = lock(&self.ended.state);
        loop {
            if !state.copies.is_empty() {
                return Next::Copies(std::mem::take(&mut state.copies));
            }
            if state.root_finished || self.is_stopped() {
                return Next::Ended;
            }
            // The time limit is for cancellation, which tells nobody.
            let waited = self
                .ended
                .changed
                .wait_timeout(state, Duration::from_millis(50));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes away something pending in a directory, and finishes what thereby ends, upwards.
    pub(super) fn release_dir(&self, dir: &Arc<Dir>) {
        let mut ended = Some(dir);
        while let Some(dir) = ended.filter(|dir| dir.release()) {
            self.finish_dir(dir);
            ended = dir.parent();
        }
    }

    fn finish_dir(&self, dir: &Dir) {
        if dir.has_metadata && !self.is_stopped() {
            let mut path = Vec::new();
            dir.path(&mut path);
            match self.target.finish_directory(&path, &dir.node) {
                Ok(deviations) => self.tally.restored(&path, dir.node.kind, deviations),
                Err(error) => {
                    let failure = self.target_failure(&error);
                    self.tally.lost(path, failure);
                }
            }
        }
        if dir.parent().is_none() {
            lock(&self.ended.state).root_finished = true;
            self.ended.changed.notify_all();
        }
    }

    /// Takes away a pending piece of a file, and finishes the file if that was the last.
    pub(super) fn release_file(&self, file: &Arc<FileTask>) {
        if file.release() {
            self.finish_file(file);
        }
    }

    /// Returns the open file, opening it if need be.
    pub(super) fn open(&self, file: &Arc<FileTask>) -> Result<Arc<dyn TargetFile>, TargetError> {
        let (handle, again) = {
            let mut held = file.handle();
            if let Some(handle) = &*held {
                return Ok(Arc::clone(handle));
            }
            let again = file.was_touched();
            let mut path = Vec::new();
            file.path(&mut path);
            let opened = self
                .target
                .open_file(&path, &file.node, file.fresh && !again)?;
            file.touch();
            let handle: Arc<dyn TargetFile> = Arc::from(opened);
            *held = Some(Arc::clone(&handle));
            (handle, again)
        };
        self.files.opened(file, again);
        Ok(handle)
    }

    /// Finishes a file whose pieces are all done.
    fn finish_file(&self, file: &Arc<FileTask>) {
        if self.is_stopped() {
            return;
        }
        if !file.was_touched() && file.node.size > 0 && !file.has_failed() {
            self.tally.kept_file();
        }
        let outcome = match file.take_failure() {
            Some(failure) => Err(failure),
            None => self
                .open(file)
                .and_then(|handle| handle.finish(&file.node))
                .map_err(|error| self.target_failure(&error)),
        };
        drop(file.handle().take());
        self.files.finished(file);
        let mut path = Vec::new();
        file.path(&mut path);
        if outcome.is_err() && file.was_touched() {
            self.remove_half(&path);
        }
        self.settle(file, path, outcome);
    }

    /// Records what became of an entry that is no directory, and lets go of what waited for it.
    pub(super) fn settle(
        &self,
        file: &FileTask,
        path: Vec<u8>,
        outcome: Result<Vec<Deviation>, Failure>,
    ) {
        if outcome.is_err() && self.is_stopped() {
            // What failed because everything ends is reported with the rest.
            self.tally.lost(
                path,
                Failure::new(LostReason::Stopped, "the restore ended before"),
            );
            return;
        }
        let waiting = match (&outcome, &file.links) {
            (_, None) => Vec::new(),
            (Ok(_), Some(set)) => set.restored(&Arc::from(path.as_slice())),
            (Err(failure), Some(set)) => set.lost(failure.clone()),
        };
        let failure = outcome.as_ref().err().cloned();
        match outcome {
            Ok(mut deviations) => {
                if file.is_copy {
                    let message = "a copy in place of a hard link".to_owned();
                    deviations.push(Deviation {
                        what: Aspect::Link,
                        message,
                    });
                }
                self.tally.restored(&path, file.node.kind, deviations);
            }
            Err(failure) => self.tally.lost(path.clone(), failure),
        }
        let first: Arc<[u8]> = Arc::from(path);
        for task in waiting {
            match &failure {
                None => self.link(task, &first),
                Some(failure) => self.lose_link(task, failure.clone()),
            }
        }
        self.release_dir(&file.dir);
    }

    /// Does what a link set says is to be done with one of its names.
    pub(super) fn link_now(&self, now: LinkNow) {
        match now {
            LinkNow::Waits => {}
            LinkNow::To(task, first) => self.link(task, &first),
            LinkNow::Lost(task, failure) => self.lose_link(task, failure),
        }
    }

    /// Makes a link, or hands it back to become a copy.
    fn link(&self, task: LinkTask, first: &[u8]) {
        if self.is_stopped() {
            return;
        }
        let mut path = Vec::new();
        task.dir.path_of(&task.node.name, &mut path);
        match self.target.link(&path, first) {
            Ok(deviations) => {
                self.tally.linked(&path, deviations);
                self.release_dir(&task.dir);
            }
            Err(error) if error.is_no_space() => {
                let failure = self.target_failure(&error);
                self.tally.lost(path, failure);
            }
            Err(error) => {
                tracing::debug!(%error, "a hard link becomes a copy");
                lock(&self.ended.state).copies.push(task);
                self.ended.changed.notify_all();
            }
        }
    }

    fn lose_link(&self, task: LinkTask, failure: Failure) {
        let mut path = Vec::new();
        task.dir.path_of(&task.node.name, &mut path);
        self.tally.lost(path, failure);
        self.release_dir(&task.dir);
    }

    /// Takes a file away that is not whole.
    pub(super) fn remove_half(&self, path: &[u8]) {
        if let Err(error) = self.target.remove(path) {
            tracing::debug!(%error, "a file that is not whole stays");
        }
    }

    /// After everything ended early: takes away the files that are not whole, and reports them.
    pub(super) fn clean_up(&self) {
        for file in self.files.take_unfinished() {
            drop(file.handle().take());
            let mut path = Vec::new();
            file.path(&mut path);
            self.remove_half(&path);
            self.tally.lost(
                path,
                Failure::new(LostReason::Stopped, "the restore ended before"),
            );
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
