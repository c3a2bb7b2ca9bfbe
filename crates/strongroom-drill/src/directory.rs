//! A temporary directory as a sandbox.

use std::path::PathBuf;
use std::sync::Arc;

use strongroom::{DirectoryTarget, DirectoryTargetOptions};

use crate::home::{Home, sweep};
use crate::limited::{LimitedTarget, free_bytes};
use crate::sandbox::{
    Connection, Intake, Loader, Need, Sandbox, SandboxError, SandboxErrorKind, unavailable,
};
use crate::stop::Stop;

/// A directory below a root of yours, with a limit. What is not to be seen by others must not lie below a root that they can enter: the
/// directory itself is closed to all but this process's user.
#[derive(Debug)]
pub struct DirectorySandbox {
    root: PathBuf,
    max_bytes: u64,
    reserve_bytes: u64,
    home: Option<Home>,
    /// It outlives the home: to be looked for after that is gone.
    path: Option<PathBuf>,
}

impl DirectorySandbox {
    /// Makes one below `root`, which is created where it is missing. What earlier drills left there is removed when it is prepared.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            max_bytes: u64::MAX,
            reserve_bytes: RESERVE_BYTES,
            home: None,
            path: None,
        }
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
}

impl Sandbox for DirectorySandbox {
    fn name(&self) -> &str {
        "directory"
    }

    fn prepare(&mut self, need: &Need, stop: &Stop) -> Result<Intake, SandboxError> {
        stop.check()?;
        let failed = |error: std::io::Error| {
            unavailable(format!(
                "no directory below {}: {error}",
                self.root.display()
            ))
        };
        // What cannot be removed is the trouble of whoever looks after the root, and not of this drill.
        drop(sweep(&self.root));
        let content = need
            .bytes
            .saturating_add(need.entries.saturating_mul(ENTRY_BYTES));
        check_room(&self.root, content, self.max_bytes, self.reserve_bytes)?;
        let home = Home::create(&self.root).map_err(failed)?;
        let folder = home.path().join(CONTENT);
        self.path = Some(home.path().to_owned());
        self.home = Some(home);
        let options = DirectoryTargetOptions::new();
        let target = DirectoryTarget::create(&folder, options).map_err(failed)?;
        let (max, reserve) = (self.max_bytes, self.reserve_bytes);
        let target = LimitedTarget::new(Arc::new(target), folder, max, reserve);
        Ok(Intake::Files(Arc::new(target)))
    }

    fn start(&mut self, _stop: &Stop) -> Result<Connection, SandboxError> {
        let home = self.home.as_ref();
        let home = home.ok_or_else(|| unavailable("the directory was not prepared"))?;
        Ok(Connection::new().with_directory(home.path().join(CONTENT)))
    }

    fn loader(&mut self, _stop: &Stop) -> Result<Box<dyn Loader>, SandboxError> {
        Err(unavailable("a directory takes files"))
    }

    fn tear_down(&mut self) -> Result<(), SandboxError> {
        let Some(home) = &self.home else {
            return Ok(());
        };
        let what = |error| SandboxError::new(SandboxErrorKind::Remains, format!("{error}"));
        home.remove().map_err(what)?;
        self.home = None;
        Ok(())
    }

    fn remains(&self) -> Vec<String> {
        self.path.as_deref().map(Home::remains).unwrap_or_default()
    }
}

impl Drop for DirectorySandbox {
    fn drop(&mut self) {
        // A second time it does nothing.
        drop(self.tear_down());
    }
}

/// Refuses what would not fit.
pub(crate) fn check_room(
    root: &std::path::Path,
    need: u64,
    max_bytes: u64,
    reserve_bytes: u64,
) -> Result<(), SandboxError> {
    let no_room = |what| Err(SandboxError::new(SandboxErrorKind::NoRoom, what));
    if need > max_bytes {
        return no_room(format!(
            "{need} bytes are needed, and it may hold {max_bytes}"
        ));
    }
    // The root may have to be made yet.
    let there = root.ancestors().find(|path| path.is_dir());
    let free = there.map_or(Ok(u64::MAX), free_bytes);
    let free =
        free.map_err(|error| unavailable(format!("the disk does not say what is free: {error}")))?;
    if need.saturating_add(reserve_bytes) > free {
        return no_room(format!(
            "{need} bytes are needed and {reserve_bytes} stay free, and the disk has {free}"
        ));
    }
    Ok(())
}

const CONTENT: &str = "content";
/// What a disk keeps free for others.
pub(crate) const RESERVE_BYTES: u64 = 256 << 20;
/// What an entry takes of a disk beside its content, about.
const ENTRY_BYTES: u64 = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn need(bytes: u64) -> Need {
        Need { bytes, entries: 0 }
    }

    #[test]
    fn it_refuses_before_the_disk_is_full() {
        let root = tempfile::tempdir().unwrap();
        let mut small = DirectorySandbox::new(root.path()).with_max_bytes(10);
        let refused = small.prepare(&need(11), &Stop::never()).unwrap_err();
        assert_eq!(refused.kind(), SandboxErrorKind::NoRoom);
        let mut wary = DirectorySandbox::new(root.path()).with_reserve_bytes(u64::MAX);
        let refused = wary.prepare(&need(1), &Stop::never()).unwrap_err();
        assert_eq!(refused.kind(), SandboxErrorKind::NoRoom);
        assert!(small.remains().is_empty() && wary.remains().is_empty());
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn it_is_there_and_then_it_is_gone() {
        let root = tempfile::tempdir().unwrap();
        let mut sandbox = DirectorySandbox::new(root.path().join("new"));
        assert!(sandbox.remains().is_empty());
        sandbox.prepare(&need(1), &Stop::never()).unwrap();
        let at = sandbox.start(&Stop::never()).unwrap().directory.unwrap();
        assert!(at.is_dir());
        assert_eq!(sandbox.remains().len(), 1);
        sandbox.tear_down().unwrap();
        sandbox.tear_down().unwrap();
        assert!(sandbox.remains().is_empty());
    }

    #[test]
    fn a_root_that_cannot_be_is_unavailable() {
        let mut sandbox = DirectorySandbox::new("/proc/nowhere").with_reserve_bytes(0);
        let failed = sandbox.prepare(&need(0), &Stop::never()).unwrap_err();
        assert_eq!(failed.kind(), SandboxErrorKind::Unavailable);
    }
}
