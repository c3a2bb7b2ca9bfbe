//! Sets the metadata of what was restored.

use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, CWD, Gid, Mode, Statx, Timespec, Timestamps, UTIME_OMIT, Uid};
use rustix::io::Errno;
use strongroom_format::{Node, NodeKind, Time};
use strongroom_repo::{Aspect, Deviation, TargetError};

use super::{DirectoryTargetOptions, failed, protect};
use crate::stat::{self, flag, incomplete};
use crate::xattr::{self, Access, XattrReader};

/// Where ACLs are kept.
const ACL_PREFIX: &[u8] = b"system.posix_acl_";

/// The bits that give a program the rights of its owner or group.
const SET_ID: u32 = 0o6000;

/// The inode flags of a node, without what is only a hint.
const INODE_FLAGS: u32 = flag::IMMUTABLE | flag::APPEND_ONLY | flag::NO_DUMP;

/// Whether something was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was made by this restore, and has nothing that has to go.
    Fresh,
    /// It may have attributes of its own.
    Existing,
}

/// Sets owner, attributes, mode, times and flags, in the order in which they do not undo each other:
/// a change of owner clears set-id bits and capabilities, an ACL changes the mode, everything but times changes times, and
/// nothing can be changed once a file is immutable.
///
/// # Errors
///
/// Only when the file itself cannot be looked at.
pub(crate) fn settle(
    file: Access<'_>,
    node: &Node,
    options: &DirectoryTargetOptions,
    origin: Origin,
) -> Result<Vec<Deviation>, TargetError> {
    let mut deviations = Vec::new();
    let before = look(file)?;
    let owned = set_owner(file, &before, options.owner_of(node), &mut deviations);
    set_xattrs(file, node, &before, origin, &mut deviations);
    let mut mode = node.mode & 0o7777;
    if !owned && mode & SET_ID != 0 && node.kind != NodeKind::Directory {
        // They would give the rights of somebody else than was meant.
        mode &= !SET_ID;
        deviations.push(deviation(
            Aspect::Mode,
            "set-id bits are left out, since the owner is another one",
        ));
    }
    if node.kind != NodeKind::Symlink && u32::from(look(file)?.stx_mode) & 0o7777 != mode {
        set_mode(file, mode).unwrap_or_else(|errno| deviations.push(refused(Aspect::Mode, errno)));
    }
    if let Err(errno) = set_times(file, node) {
        deviations.push(refused(Aspect::Times, errno));
    }
    verify(&look(file)?, node, mode, &mut deviations);
    set_flags(file, node, &before, &mut deviations);
    Ok(deviations)
}

/// Says whether everything that a plain file can have is as recorded.
pub(crate) fn is_settled(now: &Statx, node: &Node, owner: (u32, u32)) -> bool {
    (now.stx_uid, now.stx_gid) == owner
        && u32::from(now.stx_mode) & 0o7777 == node.mode & 0o7777
        && now.stx_size == node.size
        && stat::mtime_of(now) == node.mtime
}

/// Says whether a file needs no more than owner, mode and times.
pub(crate) fn is_plain(node: &Node) -> bool {
    node.xattrs.is_empty() && node.flags & INODE_FLAGS == 0 && node.mode & 0o7000 == 0
}

/// Sets the modification time, and the access time if there is one.
pub(crate) fn set_times(file: Access<'_>, node: &Node) -> Result<(), Errno> {
    let omit = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_OMIT,
    };
    let times = Timestamps {
        last_access: node.atime.map_or(omit, timespec),
        last_modification: timespec(node.mtime),
    };
    match file {
        Access::File(fd) => rustix::fs::futimens(fd, &times),
        Access::Handle(fd) => match rustix::fs::utimensat(fd, c"", &times, AtFlags::EMPTY_PATH) {
            // Linux before 5.8.
            Err(Errno::INVAL | Errno::BADF | Errno::NOENT) => {
                rustix::fs::utimensat(CWD, xattr::proc_path(fd), &times, AtFlags::empty())
            }
            other => other,
        },
    }
}

/// Removes the ACLs that a new directory took over from the one it was made in, and those that would be
/// taken over by what is made in it.
pub(crate) fn drop_inherited(dir: BorrowedFd<'_>, origin: Origin) {
    let Ok(names) = XattrReader::new().names(Access::File(dir)) else {
        return;
    };
    for name in names.iter().filter(|name| name.starts_with(ACL_PREFIX)) {
        if origin == Origin::Fresh || name.ends_with(b"default") {
            // If it stays, what is below reports it when its own attributes are compared.
            xattr::remove(Access::File(dir), name).unwrap_or_default();
        }
    }
}

fn look(file: Access<'_>) -> Result<Statx, TargetError> {
    let (Access::File(fd) | Access::Handle(fd)) = file;
    stat::look_at(fd).map_err(|errno| failed(errno, "look"))
}

/// Returns whether owner and group are as recorded.
fn set_owner(
    file: Access<'_>,
    now: &Statx,
    wanted: (u32, u32),
    deviations: &mut Vec<Deviation>,
) -> bool {
    let (uid, gid) = wanted;
    if (now.stx_uid, now.stx_gid) == wanted {
        return true;
    }
    let (Access::File(fd) | Access::Handle(fd)) = file;
    // All ones mean "leave it" to the system.
    let user = (uid != u32::MAX).then(|| Uid::from_raw(uid));
    let group = (gid != u32::MAX).then(|| Gid::from_raw(gid));
    let chown = |user, group| rustix::fs::chownat(fd, c"", user, group, AtFlags::EMPTY_PATH);
    let Err(errno) = chown(user, group) else {
        return user.is_some() && group.is_some();
    };
    if now.stx_gid != gid && chown(None, group).is_ok() && now.stx_uid == uid {
        return true;
    }
    deviations.push(deviation(
        Aspect::Owner,
        format!("owner {uid}:{gid}: {}", std::io::Error::from(errno)),
    ));
    false
}

fn set_xattrs(
    file: Access<'_>,
    node: &Node,
    now: &Statx,
    origin: Origin,
    deviations: &mut Vec<Deviation>,
) {
    if origin == Origin::Fresh && node.xattrs.is_empty() {
        return;
    }
    if node.kind == NodeKind::File
        && now.stx_mode & 0o200 == 0
        && !rustix::process::geteuid().is_root()
    {
        // An owner needs the right to write for it; the mode is set afterwards.
        set_mode(file, 0o600).unwrap_or_default();
    }
    let (present, whole) = match origin {
        Origin::Fresh => (Vec::new(), true),
        Origin::Existing => XattrReader::new().read(file),
    };
    if node.incomplete & incomplete::XATTRS == 0 && whole {
        for (name, _) in &present {
            let recorded = node
                .xattrs
                .binary_search_by(|(known, _)| known.cmp(name))
                .is_ok();
            if !recorded && let Err(errno) = xattr::remove(file, name) {
                deviations.push(refused(Aspect::Xattr(name.clone()), errno));
            }
        }
    }
    for (name, value) in &node.xattrs {
        let there = present
            .iter()
            .any(|(known, old)| known == name && old == value);
        if !there && let Err(errno) = xattr::set(file, name, value) {
            deviations.push(refused(Aspect::Xattr(name.clone()), errno));
        }
    }
}

fn set_mode(file: Access<'_>, mode: u32) -> Result<(), Errno> {
    let mode = Mode::from_raw_mode(mode);
    match file {
        Access::File(fd) => rustix::fs::fchmod(fd, mode),
        Access::Handle(fd) => rustix::fs::chmod(xattr::proc_path(fd), mode),
    }
}

/// Some systems clear bits and cut times without a word.
fn verify(now: &Statx, node: &Node, mode: u32, deviations: &mut Vec<Deviation>) {
    let got = u32::from(now.stx_mode) & 0o7777;
    let reported = |deviations: &[Deviation], aspect| {
        deviations.iter().any(|deviation| deviation.what == aspect)
    };
    if node.kind != NodeKind::Symlink && got != mode && !reported(deviations, Aspect::Mode) {
        deviations.push(deviation(
            Aspect::Mode,
            format!("mode {mode:o} became {got:o}"),
        ));
    }
    let got = stat::mtime_of(now);
    if got != node.mtime && !reported(deviations, Aspect::Times) {
        let text = format!("time {} became {}", seconds(node.mtime), seconds(got));
        deviations.push(deviation(Aspect::Times, text));
    }
}

fn set_flags(file: Access<'_>, node: &Node, before: &Statx, deviations: &mut Vec<Deviation>) {
    let wanted = node.flags & INODE_FLAGS;
    if wanted == stat::flags_of(before) & INODE_FLAGS {
        return;
    }
    let set = match file {
        Access::File(fd) => protect::set_flags(fd, wanted),
        Access::Handle(_) => Err(Errno::OPNOTSUPP),
    };
    set.unwrap_or_else(|errno| deviations.push(refused(Aspect::Flags, errno)));
}

fn timespec(time: Time) -> Timespec {
    Timespec {
        tv_sec: time.seconds,
        tv_nsec: time.nanos.into(),
    }
}

fn seconds(time: Time) -> String {
    format!("{}+{:09}ns", time.seconds, time.nanos)
}

fn refused(what: Aspect, errno: Errno) -> Deviation {
    deviation(what, std::io::Error::from(errno).to_string())
}

fn deviation(what: Aspect, message: impl Into<String>) -> Deviation {
    Deviation {
        what,
        message: message.into(),
    }
}
