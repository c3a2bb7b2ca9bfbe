//! What of an entry's metadata differs.

use rustix::fs::Statx;
use strongroom_format::{Node, NodeKind, Time};

use super::report::Discrepancy;
use crate::stat::{self, flag, incomplete};
use crate::xattr::Xattrs;

/// What differs, and how.
pub(super) type Differences = Vec<(Discrepancy, String)>;

/// Compares everything but kind, content and hard links.
pub(super) fn differences(node: &Node, disk: &Statx, xattrs: Option<&Xattrs>) -> Differences {
    let mut found = Differences::new();
    if node.kind == NodeKind::Stream {
        // It has no metadata of its own.
        return found;
    }
    let mode = u32::from(disk.stx_mode) & 0o7777;
    if mode != node.mode {
        found.push((Discrepancy::Mode, format!("{:04o}, {mode:04o}", node.mode)));
    }
    if (disk.stx_uid, disk.stx_gid) != (node.uid, node.gid) {
        let (ours, theirs) = ((node.uid, node.gid), (disk.stx_uid, disk.stx_gid));
        let detail = format!("{}:{}, {}:{}", ours.0, ours.1, theirs.0, theirs.1);
        found.push((Discrepancy::Owner, detail));
    }
    let mtime = stat::mtime_of(disk);
    if mtime != node.mtime {
        let detail = format!("{}, {}", instant(node.mtime), instant(mtime));
        found.push((Discrepancy::Mtime, detail));
    }
    let device = matches!(node.kind, NodeKind::CharDevice | NodeKind::BlockDevice)
        .then_some((disk.stx_rdev_major, disk.stx_rdev_minor));
    if device != node.device {
        let shown = |device: Option<(u32, u32)>| {
            device.map_or("none".to_owned(), |(major, minor)| {
                format!("{major}:{minor}")
            })
        };
        let detail = format!("{}, {}", shown(node.device), shown(device));
        found.push((Discrepancy::Device, detail));
    }
    let inode_flags = node.flags & !flag::SPARSE;
    let flags = stat::flags_of(disk);
    if node.incomplete & incomplete::FLAGS == 0 && flags != inode_flags {
        found.push((Discrepancy::Flags, format!("{inode_flags:#x}, {flags:#x}")));
    }
    if node.kind == NodeKind::File && disk.stx_size == node.size {
        let (ours, theirs) = (node.flags & flag::SPARSE != 0, stat::is_sparse(disk));
        if ours != theirs {
            found.push((Discrepancy::Holes, format!("{ours}, {theirs}")));
        }
    }
    if node.incomplete & incomplete::XATTRS == 0
        && let Some(xattrs) = xattrs
        && *xattrs != node.xattrs
    {
        let detail = format!("({}), ({})", names(&node.xattrs), names(xattrs));
        found.push((Discrepancy::Xattrs, detail));
    }
    found
}

fn instant(time: Time) -> String {
    format!("{}.{:09}", time.seconds, time.nanos)
}

/// Shows names and lengths: values may be secrets.
fn names(xattrs: &Xattrs) -> String {
    let names = xattrs
        .iter()
        .map(|(name, value)| format!("{}[{}]", name.escape_ascii(), value.len()));
    names.collect::<Vec<_>>().join(" ")
}
