//! A file transfer server over a folder, with the faults that a test asks for.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf, Bytes};
use strongroom_store::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::sftp::Dial;
use crate::sftp::channel::Channel;
use crate::sftp::failure::failure;
use crate::sftp::wire::{code, kind, open};

/// What a test wants to happen to a request instead of what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A status.
    Status(u32),
    /// The connection ends, without an answer.
    HangUp,
    /// There is no answer.
    Silence,
}

/// A server, and the way to it; with the number of the connection that it serves.
#[derive(Debug, Clone)]
pub(super) struct Server(Arc<Inner>, u32);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    extensions: Mutex<Vec<(&'static str, &'static str)>>,
    /// The first of a kind of request is met by its fault.
    faults: Mutex<Vec<(u8, Fault)>>,
    /// What was asked for, in order: kinds, and names of extensions.
    asked: Mutex<Vec<String>>,
    /// By connection and number.
    open: Mutex<HashMap<(u32, u32), Handle>>,
    connections: AtomicU32,
    /// What is too long for a connection's patience.
    silence: Mutex<Duration>,
    read_bytes_max: usize,
    free_bytes: u64,
}

#[derive(Debug)]
enum Handle {
    File(File),
    Folder(Vec<(String, fs::Metadata)>),
}

pub(super) const EXTENSIONS: [(&str, &str); 5] = [
    ("posix-rename@openssh.com", "1"),
    ("hardlink@openssh.com", "1"),
    ("fsync@openssh.com", "1"),
    ("limits@openssh.com", "1"),
    ("statvfs@openssh.com", "2"),
];

impl Server {
    pub(super) fn new(root: impl Into<PathBuf>) -> Self {
        Self(
            Arc::new(Inner {
                root: root.into(),
                extensions: Mutex::new(EXTENSIONS.to_vec()),
                faults: Mutex::default(),
                asked: Mutex::default(),
                open: Mutex::default(),
                connections: AtomicU32::new(0),
                silence: Mutex::new(Duration::from_secs(30)),
                read_bytes_max: 30_000, // less than it is asked for
                free_bytes: 5,
            }),
            0,
        )
    }

    pub(super) fn without(&self, extension: &str) {
        let mut extensions = self.0.extensions.lock().expect("no panic");
        extensions.retain(|(name, _)| !name.starts_with(extension));
    }

    pub(super) fn fail(&self, kind: u8, fault: Fault) {
        self.0.faults.lock().expect("no panic").push((kind, fault));
    }

    /// Makes connections that are opened from now on impatient.
    pub(super) fn hurry(&self) {
        *self.0.silence.lock().expect("no panic") = Duration::from_millis(100);
    }

    /// Returns what was asked for since the last time.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.asked.lock().expect("no panic"))
    }

    pub(super) fn open_count(&self) -> usize {
        self.0.open.lock().expect("no panic").len()
    }

    async fn serve(&self, mut stream: DuplexStream) -> io::Result<()> {
        let hello = read_packet(&mut stream).await?;
        assert_eq!(hello.first(), Some(&kind::INIT));
        let mut version = vec![kind::VERSION, 0, 0, 0, 3];
        for (name, number) in self.0.extensions.lock().expect("no panic").iter() {
            put_text(&mut version, name.as_bytes());
            put_text(&mut version, number.as_bytes());
        }
        write_packet(&mut stream, &version).await?;
        loop {
            let mut request = read_packet(&mut stream).await?;
            let (kind, id) = (request.get_u8(), request.get_u32());
            self.note(kind, &request);
            let fault = self.take_fault(kind);
            let reply = match fault {
                Some(Fault::HangUp) => return Ok(()),
                Some(Fault::Silence) => continue,
                Some(Fault::Status(code)) => status(id, code),
                None => self.answer(kind, id, request).unwrap_or_else(|error| {
                    let code = match error.raw_os_error() {
                        Some(2 | 9 | 20) => code::NO_SUCH_FILE,
                        Some(1 | 13) => code::PERMISSION_DENIED,
                        _ => code::FAILURE,
                    };
                    status(id, code)
                }),
            };
            write_packet(&mut stream, &reply).await?;
        }
    }

    fn note(&self, kind: u8, request: &Bytes) {
        let text = match kind {
            kind::EXTENDED => String::from_utf8_lossy(&text(&mut request.clone())).into_owned(),
            kind => kind.to_string(),
        };
        self.0.asked.lock().expect("no panic").push(text);
    }

    fn take_fault(&self, kind: u8) -> Option<Fault> {
        let mut faults = self.0.faults.lock().expect("no panic");
        let index = faults.iter().position(|(of, _)| *of == kind)?;
        Some(faults.remove(index).1)
    }

    fn path(&self, request: &mut Bytes) -> PathBuf {
        let path = text(request);
        self.0.root.join(std::str::from_utf8(&path).expect("UTF-8"))
    }

    fn answer(&self, kind: u8, id: u32, mut request: Bytes) -> io::Result<Vec<u8>> {
        match kind {
            kind::OPEN => {
                let (path, flags) = (self.path(&mut request), request.get_u32());
                let mut options = OpenOptions::new();
                options
                    .read(flags & open::READ != 0)
                    .write(flags & open::WRITE != 0);
                options.create_new(flags & open::EXCLUSIVE != 0).mode(0o400);
                Ok(self.handle(id, Handle::File(options.open(path)?)))
            }
            kind::OPENDIR => {
                let mut entries = vec![(".".to_owned(), fs::metadata(&self.0.root)?)];
                for entry in fs::read_dir(self.path(&mut request))? {
                    let entry = entry?;
                    let name = entry.file_name().into_string().expect("UTF-8");
                    entries.push((name, entry.metadata()?));
                }
                Ok(self.handle(id, Handle::Folder(entries)))
            }
            kind::MKDIR => {
                fs::DirBuilder::new()
                    .mode(0o700)
                    .create(self.path(&mut request))?;
                Ok(status(id, code::OK))
            }
            kind::REMOVE => fs::remove_file(self.path(&mut request)).map(|()| status(id, code::OK)),
            kind::STAT => Ok(attributes(id, &fs::metadata(self.path(&mut request))?)),
            kind::LSTAT => Ok(attributes(
                id,
                &fs::symlink_metadata(self.path(&mut request))?,
            )),
            kind::RENAME => {
                let (from, to) = (self.path(&mut request), self.path(&mut request));
                fs::rename(from, to).map(|()| status(id, code::OK)) // as a careless server does
            }
            kind::EXTENDED => self.extended(id, request),
            _ => self.on_handle(kind, id, request),
        }
    }

    fn extended(&self, id: u32, mut request: Bytes) -> io::Result<Vec<u8>> {
        let name = text(&mut request);
        let mut reply = vec![kind::EXTENDED_REPLY];
        reply.extend(id.to_be_bytes());
        match name.as_ref() {
            b"hardlink@openssh.com" => {
                let (from, to) = (self.path(&mut request), self.path(&mut request));
                fs::hard_link(from, to).map(|()| status(id, code::OK))
            }
            b"posix-rename@openssh.com" => {
                let (from, to) = (self.path(&mut request), self.path(&mut request));
                fs::rename(from, to).map(|()| status(id, code::OK))
            }
            b"fsync@openssh.com" => Ok(status(id, code::OK)),
            b"limits@openssh.com" => {
                for number in [262_144_u64, 70_000, 70_000, 0] {
                    reply.extend(number.to_be_bytes());
                }
                Ok(reply)
            }
            b"statvfs@openssh.com" => {
                for number in [1_u64, 1, 0, 0, self.0.free_bytes, 0, 0, 0, 0, 0, 255] {
                    reply.extend(number.to_be_bytes());
                }
                Ok(reply)
            }
            _ => Ok(status(id, code::OP_UNSUPPORTED)),
        }
    }

    fn handle(&self, id: u32, handle: Handle) -> Vec<u8> {
        self.0
            .open
            .lock()
            .expect("no panic")
            .insert((self.1, id), handle);
        let mut reply = vec![kind::HANDLE];
        reply.extend(id.to_be_bytes());
        put_text(&mut reply, &id.to_be_bytes());
        reply
    }

    fn on_handle(&self, kind: u8, id: u32, mut request: Bytes) -> io::Result<Vec<u8>> {
        let number = text(&mut request).get_u32();
        let mut open = self.0.open.lock().expect("no panic");
        if kind == kind::CLOSE {
            open.remove(&(self.1, number)).expect("it is open");
            return Ok(status(id, code::OK));
        }
        match (kind, open.get_mut(&(self.1, number)).expect("it is open")) {
            (kind::FSTAT, Handle::File(file)) => Ok(attributes(id, &file.metadata()?)),
            (kind::READ, Handle::File(file)) => {
                let (offset, len) = (request.get_u64(), request.get_u32());
                let len = usize::try_from(len)
                    .expect("small")
                    .min(self.0.read_bytes_max);
                let mut data = vec![0; len];
                let len = file.read_at(&mut data, offset)?;
                if len == 0 {
                    return Ok(status(id, code::EOF));
                }
                let mut reply = vec![kind::DATA];
                reply.extend(id.to_be_bytes());
                put_text(&mut reply, &data[..len]);
                Ok(reply)
            }
            (kind::WRITE, Handle::File(file)) => {
                let offset = request.get_u64();
                file.write_all_at(&text(&mut request), offset)?;
                Ok(status(id, code::OK))
            }
            (kind::READDIR, Handle::Folder(entries)) if entries.is_empty() => {
                Ok(status(id, code::EOF))
            }
            (kind::READDIR, Handle::Folder(entries)) => {
                let batch = entries.split_off(entries.len().saturating_sub(3));
                let mut reply = vec![kind::NAME];
                reply.extend(id.to_be_bytes());
                reply.extend(u32::try_from(batch.len()).expect("small").to_be_bytes());
                for (name, metadata) in batch {
                    put_text(&mut reply, name.as_bytes());
                    put_text(&mut reply, b"as ls shows it");
                    put_attributes(&mut reply, &metadata);
                }
                Ok(reply)
            }
            _ => Ok(status(id, code::OP_UNSUPPORTED)),
        }
    }
}

#[async_trait]
impl Dial for Server {
    async fn dial(&self) -> Result<Channel> {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let number = self.0.connections.fetch_add(1, Ordering::Relaxed);
        let server = Self(Arc::clone(&self.0), number);
        drop(tokio::spawn(async move {
            drop(server.serve(theirs).await);
            let mut open = server.0.open.lock().expect("no panic");
            open.retain(|(connection, _), _| *connection != number);
        }));
        let (from, to) = tokio::io::split(ours);
        let silence_max = *self.0.silence.lock().expect("no panic");
        let channel = Channel::start(from, to, silence_max, ()).await;
        channel.map_err(|fault| failure("connect", fault))
    }
}

async fn read_packet(stream: &mut DuplexStream) -> io::Result<Bytes> {
    let len = stream.read_u32().await?;
    let mut packet = vec![0; usize::try_from(len).expect("small")];
    stream.read_exact(&mut packet).await?;
    Ok(packet.into())
}

async fn write_packet(stream: &mut DuplexStream, packet: &[u8]) -> io::Result<()> {
    stream
        .write_u32(u32::try_from(packet.len()).expect("small"))
        .await?;
    stream.write_all(packet).await
}

fn text(request: &mut Bytes) -> Bytes {
    let len = request.get_u32();
    request.split_to(usize::try_from(len).expect("small"))
}

fn put_text(packet: &mut Vec<u8>, text: &[u8]) {
    packet.extend(u32::try_from(text.len()).expect("small").to_be_bytes());
    packet.extend(text);
}

fn status(id: u32, code: u32) -> Vec<u8> {
    let mut reply = vec![kind::STATUS];
    reply.extend(id.to_be_bytes());
    reply.extend(code.to_be_bytes());
    put_text(&mut reply, b"what it is");
    put_text(&mut reply, b"en");
    reply
}

fn attributes(id: u32, metadata: &fs::Metadata) -> Vec<u8> {
    let mut reply = vec![kind::ATTRS];
    reply.extend(id.to_be_bytes());
    put_attributes(&mut reply, metadata);
    reply
}

fn put_attributes(packet: &mut Vec<u8>, metadata: &fs::Metadata) {
    let modified = u32::try_from(metadata.mtime()).expect("this century");
    packet.extend(13_u32.to_be_bytes());
    packet.extend(metadata.len().to_be_bytes());
    packet.extend(metadata.mode().to_be_bytes());
    packet.extend(modified.to_be_bytes());
    packet.extend(modified.to_be_bytes());
}
