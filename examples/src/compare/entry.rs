//! What can be seen of one entry.

use rustix::fs::{FileType, Stat};
use strongroom::Time;

use super::Aspect;
use crate::bytes::shown;

/// What can be seen of one entry, but for a file's content.
#[derive(Debug)]
pub(super) struct Seen {
    kind: FileType,
    mode: u32,
    owner: (u32, u32),
    mtime: (i64, i64),
    device: u64,
    pub(super) size: u64,
    /// What a symbolic link says.
    target: Vec<u8>,
    xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The path at which the same file was met first.
    first: Vec<u8>,
    /// This is that path.
    pub(super) is_first: bool,
    pub(super) changed: Time,
}

impl Seen {
    pub(super) fn new(stat: &Stat, path: &[u8], first: Vec<u8>) -> Self {
        let kind = FileType::from_raw_mode(stat.st_mode);
        let is_device = matches!(kind, FileType::BlockDevice | FileType::CharacterDevice);
        Self {
            kind,
            mode: stat.st_mode & 0o7777,
            owner: (stat.st_uid, stat.st_gid),
            mtime: (
                stat.st_mtime,
                i64::try_from(stat.st_mtime_nsec).unwrap_or(-1),
            ),
            device: if is_device { stat.st_rdev } else { 0 },
            size: u64::try_from(stat.st_size).unwrap_or(0),
            target: Vec::new(),
            xattrs: Vec::new(),
            is_first: first == path,
            first,
            changed: changed(stat),
        }
    }

    pub(super) fn with_target(mut self, target: Vec<u8>) -> Self {
        self.target = target;
        self
    }

    pub(super) fn with_xattrs(mut self, xattrs: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        self.xattrs = xattrs;
        self
    }

    pub(super) fn is_file(&self) -> bool {
        self.kind == FileType::RegularFile
    }

    pub(super) fn is_directory(&self) -> bool {
        self.kind == FileType::Directory
    }

    pub(super) fn is_link(&self) -> bool {
        self.kind == FileType::Symlink
    }

    pub(super) fn differences(&self, other: &Self) -> Vec<(Aspect, String)> {
        let mut found = Vec::new();
        if self.kind != other.kind {
            found.push((Aspect::Kind, format!("{:?}, {:?}", self.kind, other.kind)));
            return found;
        }
        if self.is_file() && self.size != other.size {
            found.push((
                Aspect::Content,
                format!("{} bytes, {} bytes", self.size, other.size),
            ));
        }
        if self.mode != other.mode {
            found.push((
                Aspect::Mode,
                format!("{:04o}, {:04o}", self.mode, other.mode),
            ));
        }
        if self.owner != other.owner {
            let ((a, b), (c, d)) = (self.owner, other.owner);
            found.push((Aspect::Owner, format!("{a}:{b}, {c}:{d}")));
        }
        if self.mtime != other.mtime {
            let ((a, b), (c, d)) = (self.mtime, other.mtime);
            found.push((Aspect::Mtime, format!("{a}.{b:09}, {c}.{d:09}")));
        }
        if self.device != other.device {
            found.push((
                Aspect::Device,
                format!("{:#x}, {:#x}", self.device, other.device),
            ));
        }
        if self.target != other.target {
            found.push((
                Aspect::LinkTarget,
                format!("{}, {}", shown(&self.target), shown(&other.target)),
            ));
        }
        if self.first != other.first {
            found.push((
                Aspect::HardLinks,
                format!("{}, {}", shown(&self.first), shown(&other.first)),
            ));
        }
        if self.xattrs != other.xattrs {
            found.push((
                Aspect::Xattrs,
                format!("{}, {}", names(&self.xattrs), names(&other.xattrs)),
            ));
        }
        found
    }
}

/// Returns when anything of the entry changed last.
pub(super) fn changed(stat: &Stat) -> Time {
    Time::new(
        stat.st_ctime,
        u32::try_from(stat.st_ctime_nsec).unwrap_or(0),
    )
}

fn names(xattrs: &[(Vec<u8>, Vec<u8>)]) -> String {
    let names: Vec<String> = xattrs
        .iter()
        .map(|(name, value)| format!("{}[{}]", shown(name), value.len()))
        .collect();
    format!("({})", names.join(" "))
}
