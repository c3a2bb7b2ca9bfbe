//! The folder of one sandbox, its marker, and what is in it after this process is gone.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{
    FlockOperation, IFlags, Mode, OFlags, flock, ioctl_getflags, ioctl_setflags, open,
};
use rustix::process::{Pid, Signal, kill_process};
use strongroom::{Random as _, SystemRandom};

/// A folder that nobody else has, with a marker that its owner holds locked.
///
/// The lock ends with the process, however that ends. So a marker that is not locked belongs to a drill that died, and what is in its
/// folder, and the processes that work in it, are leftovers: [`sweep`] removes them.
#[derive(Debug)]
pub(crate) struct Home {
    path: PathBuf,
    // Its lock says that somebody is at work.
    _marker: File,
}

impl Home {
    /// Makes one in `root`, which is made too where it is missing.
    pub(crate) fn create(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let mut random = [0; 8];
        let failed = |_| io::Error::other("the system gives no random bytes");
        SystemRandom.fill(&mut random).map_err(failed)?;
        let name = format!("{PREFIX}{:016x}", u64::from_le_bytes(random));
        // Processes show the path as the system knows it.
        let path = fs::canonicalize(root)?.join(name);
        fs::create_dir(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
        let mut marker = File::create_new(path.join(MARKER))?;
        // Whoever sweeps meanwhile looks for a moment, and leaves a marker alone that says nothing yet.
        flock(&marker, FlockOperation::LockExclusive)?;
        marker.write_all(EXPLANATION.as_bytes())?;
        Ok(Self {
            path,
            _marker: marker,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the folder and ends what works in it.
    pub(crate) fn remove(&self) -> io::Result<()> {
        remove(&self.path)
    }

    /// Returns what there is still of a folder.
    pub(crate) fn remains(path: &Path) -> Vec<String> {
        let mut remains: Vec<String> = processes_in(path)
            .into_iter()
            .map(|pid| format!("process {}", pid.as_raw_nonzero()))
            .collect();
        if fs::symlink_metadata(path).is_ok() {
            remains.push(format!("path {}", path.display()));
        }
        remains
    }
}

/// Removes what drills left behind in `root` that did not live to clean up. Returns the folders. What belongs to a drill that is at
/// work stays.
///
/// # Errors
///
/// What the system said of the first that could not be removed.
pub fn sweep(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut swept = Vec::new();
    let Ok(listing) = fs::read_dir(root) else {
        return Ok(swept);
    };
    for entry in listing {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if !name.is_some_and(|name| name.starts_with(PREFIX)) {
            continue;
        }
        // Without a marker it is nobody's, or was removed down to that.
        let Ok(marker) = File::open(path.join(MARKER)) else {
            continue;
        };
        let is_nobodys = flock(&marker, FlockOperation::NonBlockingLockExclusive).is_ok();
        if is_nobodys && marker.metadata()?.len() > 0 {
            let path = fs::canonicalize(&path)?;
            remove(&path)?;
            swept.push(path);
        }
    }
    Ok(swept)
}

fn remove(path: &Path) -> io::Result<()> {
    for attempt in 0..ATTEMPTS {
        let processes = processes_in(path);
        if processes.is_empty() {
            break;
        }
        for pid in processes {
            // A server that is killed leaves shared memory behind: it is told to end at once first. It may have ended meanwhile.
            let _ = match attempt {
                0 => kill_process(pid, Signal::QUIT),
                1..PATIENT_ATTEMPTS => Ok(()),
                _ => kill_process(pid, Signal::KILL),
            };
        }
        std::thread::park_timeout(ATTEMPT);
    }
    match remove_tree(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Removes a tree: the marker last, so that what is left can be found again.
fn remove_tree(path: &Path) -> io::Result<()> {
    let marker = path.join(MARKER);
    for entry in fs::read_dir(path)? {
        let entry = entry?.path();
        if entry != marker {
            remove_entry(&entry)?;
        }
    }
    match fs::remove_file(&marker) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::remove_dir(path)
}

fn remove_entry(path: &Path) -> io::Result<()> {
    let is_directory = fs::symlink_metadata(path)?.is_dir();
    let once = || match is_directory {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    match once() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(_) => {
            // What was restored as unchangeable, or as a directory that nobody may enter.
            open_up(path);
            once()
        }
        Ok(()) => Ok(()),
    }
}

/// Takes off a tree what keeps it from being removed. What fails shows when it is removed.
fn open_up(path: &Path) {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(found) = fs::symlink_metadata(path) else {
        return;
    };
    if !found.is_dir() && !found.is_file() {
        return;
    }
    if let Ok(file) = open(path, flags, Mode::empty())
        && let Ok(known) = ioctl_getflags(&file)
    {
        let wanted = known & !(IFlags::IMMUTABLE | IFlags::APPEND);
        if wanted != known {
            let _ = ioctl_setflags(&file, wanted);
        }
    }
    if found.is_dir() {
        drop(fs::set_permissions(path, fs::Permissions::from_mode(0o700)));
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        for entry in entries {
            open_up(&entry.path());
        }
    }
}

/// Returns the processes that were started with the path as an argument, or work in it: nobody else knows its name. Where the system
/// does not tell, none.
pub(crate) fn processes_in(path: &Path) -> Vec<Pid> {
    let own = std::process::id();
    let Some(wanted) = path.to_str() else {
        return Vec::new();
    };
    let listing = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = listing.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let ours = numbers.filter(|number| *number != own && works_in(*number, wanted));
    ours.filter_map(|number| Pid::from_raw(i32::try_from(number).ok()?))
        .collect()
}

fn works_in(number: u32, wanted: &str) -> bool {
    let folder = PathBuf::from(format!("/proc/{number}"));
    let state = fs::read_to_string(folder.join("stat")).unwrap_or_default();
    // It has ended, and waits for its parent to ask.
    let is_zombie = state
        .rsplit(')')
        .next()
        .is_some_and(|rest| rest.starts_with(" Z"));
    if is_zombie {
        return false;
    }
    let directory = fs::read_link(folder.join("cwd"));
    if directory.is_ok_and(|directory| directory.starts_with(wanted)) {
        return true;
    }
    let Ok(line) = fs::read(folder.join("cmdline")) else {
        return false;
    };
    let mut arguments = line.split(|byte| *byte == 0);
    arguments.any(|argument| String::from_utf8_lossy(argument).contains(wanted))
}

const PREFIX: &str = "drill-";
const MARKER: &str = "DRILL";
const EXPLANATION: &str = "\
The sandbox of a restore drill. While the drill is at work, it holds a lock on this file. Without that lock it is a leftover: the
next drill removes this folder and ends the processes that work in it.
";
/// How often it is looked whether processes are gone: for five seconds.
const ATTEMPTS: usize = 250;
/// Until they are killed: two seconds.
const PATIENT_ATTEMPTS: usize = 100;
const ATTEMPT: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_gone_after_it_was_removed_whatever_was_in_it() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::create(root.path()).unwrap();
        let closed = home.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::write(closed.join("file"), "x").unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        assert_eq!(Home::remains(home.path()).len(), 1);
        home.remove().unwrap();
        home.remove().unwrap();
        assert_eq!(Home::remains(home.path()), Vec::<String>::new());
    }

    #[test]
    fn the_home_of_a_dead_drill_is_swept_and_that_of_a_living_one_is_not() {
        let root = tempfile::tempdir().unwrap();
        let alive = Home::create(root.path()).unwrap();
        let dead = Home::create(root.path()).unwrap();
        let path = dead.path().to_owned();
        fs::write(path.join("data"), "x").unwrap();
        fs::create_dir(root.path().join("drill-of-somebody")).unwrap();
        // As the end of its process does.
        drop(dead);
        assert_eq!(sweep(root.path()).unwrap(), [path.as_path()]);
        assert!(!path.exists());
        assert!(alive.path().exists());
        assert!(root.path().join("drill-of-somebody").exists());
        // One that is just being made.
        let made = root.path().join("drill-made");
        fs::create_dir(&made).unwrap();
        fs::write(made.join(MARKER), "").unwrap();
        assert!(sweep(root.path()).unwrap().is_empty());
        assert!(sweep(&root.path().join("missing")).unwrap().is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_a_dead_drill_left_is_ended() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::create(root.path()).unwrap();
        let mut command = std::process::Command::new("sleep");
        let mut child = command.arg("600").current_dir(home.path()).spawn().unwrap();
        let path = home.path().to_owned();
        assert_eq!(processes_in(&path).len(), 1);
        drop(home);
        assert_eq!(sweep(root.path()).unwrap().len(), 1);
        assert!(!child.wait().unwrap().success());
        assert_eq!(Home::remains(&path), Vec::<String>::new());
    }
}
