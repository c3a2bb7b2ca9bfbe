//! Lists what is in a snapshot.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use serde_json::{Map, Value};
use strongroom::{Depth, Node, NodeKind, SnapshotFilter};
use strongroom_examples::{Output, RepositoryArgs, Status, finish, json_path, shown, utc};

/// List a directory of a snapshot.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// The beginning of its id, or `latest`.
    snapshot: String,
    /// What to list [default: all that was backed up].
    #[arg(default_value = "/", hide_default_value = true)]
    path: OsString,
    /// Everything below it.
    #[arg(long, short)]
    recursive: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Arc::new(arguments.repository.output());
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Arc<Output>) -> anyhow::Result<Status> {
    let repository = arguments.repository.open()?;
    let snapshot = repository.find_snapshot(&arguments.snapshot, SnapshotFilter::default())?;
    let depth = if arguments.recursive {
        Depth::All
    } else {
        Depth::Children
    };
    let to = output.clone();
    let path = arguments.path.as_bytes();
    let path = path.strip_prefix(b"/").unwrap_or(path);
    repository.list(&snapshot, path, depth, move |path, node| {
        to.json(|| object(path, node))?;
        to.line(&line(path, node))
    })?;
    Ok(Status::Complete)
}

fn line(path: &[u8], node: &Node) -> String {
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

fn object(path: &[u8], node: &Node) -> Value {
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
