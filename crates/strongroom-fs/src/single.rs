//! What sources of one entry have in common.

use std::io::Read;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use strongroom_format::{Node, NodeKind, SkipReason, Time};
use strongroom_repo::{Batch, Entry, Fill, Piece, SourceError, Walk, WalkEvent};

/// Checks that an entry can have that name.
pub(crate) fn check_name(name: Vec<u8>) -> std::io::Result<Vec<u8>> {
    if !is_legal(&name) {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "not a legal name of an entry",
        ));
    }
    Ok(name)
}

/// docs/format.md §9.4.
const MAX_NAME_BYTES: usize = 4_096;

fn is_legal(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..")
        && name.len() <= MAX_NAME_BYTES
        && !name.iter().any(|byte| matches!(byte, b'/' | 0))
}

/// A root directory with one stream in it.
#[derive(Debug)]
pub(crate) struct SingleWalk<'n> {
    name: Option<&'n [u8]>,
}

impl<'n> SingleWalk<'n> {
    pub(crate) fn new(name: &'n [u8]) -> Self {
        Self { name: Some(name) }
    }
}

impl Walk for SingleWalk<'_> {
    fn next(&mut self, events: &mut Vec<WalkEvent>) -> bool {
        if let Some(name) = self.name.take() {
            let mtime = now();
            let dir: Arc<[u8]> = Arc::from([]);
            let root = Node {
                kind: NodeKind::Directory,
                mode: 0o755,
                mtime,
                ..Node::default()
            };
            let node = Node {
                name: name.to_vec(),
                kind: NodeKind::Stream,
                mode: 0o600,
                mtime,
                ..Node::default()
            };
            events.push(WalkEvent::Enter(Entry {
                dir: Arc::clone(&dir),
                node: root,
            }));
            events.push(WalkEvent::Item(Entry { dir, node }));
            events.push(WalkEvent::Leave);
        }
        false
    }
}

/// There is nothing more to know about a stream than was walked; its content has to be opened, however short it is.
pub(crate) fn fill(batch: &mut Batch) {
    let at = batch.data.len();
    for item in &mut batch.items {
        item.fill = if item.want_content {
            Fill::Failed(SourceError::fatal(
                SkipReason::NotSupported,
                "a stream has to be opened",
            ))
        } else {
            Fill::Done {
                content: at..at,
                changed: false,
            }
        };
    }
}

/// Reads a piece. An error is fatal: half a stream is not worth keeping.
pub(crate) fn read(reader: &mut impl Read, buf: &mut [u8]) -> Result<Piece, SourceError> {
    loop {
        match reader.read(buf) {
            Ok(0) => return Ok(Piece::End),
            Ok(count) => return Ok(Piece::Data(count)),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(SourceError::fatal(SkipReason::ReadError, error.to_string())),
        }
    }
}

fn now() -> Time {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time {
        seconds: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
        nanos: now.subsec_nanos(),
    }
}
