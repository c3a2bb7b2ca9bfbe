//! How an entry of a snapshot is shown.

use serde_json::{Map, Value};
use strongroom::{Node, NodeKind};

use crate::bytes::{json_path, shown};
use crate::when::utc;

/// Shows an entry on one line, as `ls -l` does.
#[must_use]
pub fn line(path: &[u8], node: &Node) -> String {
    let mut line = format!(
        "{}{}  {:>5}:{:<5}  {:>12}  {}  /{}",
        letter(node.kind),
        permissions(node.mode),
        node.uid,
        node.gid,
        node.device.map_or_else(
            || node.size.to_string(),
            |(major, minor)| format!("{major}, {minor}")
        ),
        utc(node.mtime),
        shown(path),
    );
    if let Some(target) = &node.target {
        line.push_str(&format!(" -> {}", shown(target)));
    }
    line
}

fn letter(kind: NodeKind) -> char {
    match kind {
        NodeKind::File | NodeKind::Stream => '-',
        NodeKind::Directory => 'd',
        NodeKind::Symlink => 'l',
        NodeKind::Fifo => 'p',
        NodeKind::Socket => 's',
        NodeKind::CharDevice => 'c',
        NodeKind::BlockDevice => 'b',
        _ => '?',
    }
}

/// The nine letters of `ls -l`.
fn permissions(mode: u32) -> String {
    let special = [(0o4000, 's', 'S'), (0o2000, 's', 'S'), (0o1000, 't', 'T')];
    let mut text = String::with_capacity(9);
    for (shift, (bit, with, without)) in [6, 3, 0].into_iter().zip(special) {
        let three = mode >> shift;
        text.push(if three & 4 == 0 { '-' } else { 'r' });
        text.push(if three & 2 == 0 { '-' } else { 'w' });
        text.push(match (three & 1 != 0, mode & bit != 0) {
            (true, true) => with,
            (false, true) => without,
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// Shows an entry to machines.
#[must_use]
pub fn object(path: &[u8], node: &Node) -> Value {
    let mut object = Map::new();
    object.insert("type".to_owned(), "entry".into());
    object.insert(
        "kind".to_owned(),
        format!("{:?}", node.kind).to_lowercase().into(),
    );
    object.insert("mode".to_owned(), format!("{:04o}", node.mode).into());
    object.insert("uid".to_owned(), node.uid.into());
    object.insert("gid".to_owned(), node.gid.into());
    object.insert("size".to_owned(), node.size.into());
    object.insert("mtime".to_owned(), node.mtime.seconds.into());
    object.insert("mtime_nanos".to_owned(), node.mtime.nanos.into());
    if let Some(target) = &node.target {
        object.insert("target".to_owned(), String::from_utf8_lossy(target).into());
    }
    json_path(&mut object, path);
    Value::Object(object)
}
