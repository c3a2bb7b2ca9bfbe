//! Checks a repository in a directory, and says how fast that is beside what it cannot do without.
//!
//! ```text
//! cargo run --release -p strongroom-benches --example check_speed -- DIRECTORY [PASSPHRASE_FILE] [L1|L2|L3|L4] [THREADS]
//! ```
//!
//! Without a file the repository must be one that is not encrypted. The limit is one thread that reads every pack into the same
//! buffer, hashes it, opens and decompresses every frame and hashes the result, times the number of threads: no queue, no table, no tree.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use strongroom_crypt::{EpochKey, IdHasher, Sealer as _, Session, StructureKeys};
use strongroom_format::{
    AuditKeys, Codec, Decompressor, FrameKey, ObjectHash, PackTail, Preamble, Time, frame_aad,
    open_header,
};
use strongroom_repo::{AuditScope, Credential, Repository};
use strongroom_store::{DirStore, Store};
use strongroom_verify::{Area, Auditor, CheckOptions, Level};

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("no directory")?);
    let passphrase = match arguments.next() {
        Some(file) if file != "-" => Some(std::fs::read_to_string(file)?),
        _ => None,
    };
    let level: Level = arguments.next().as_deref().unwrap_or("L3").parse()?;
    let threads = arguments.next().map_or(Ok(2), |text| text.parse())?;
    let store: Arc<dyn Store> = Arc::new(DirStore::open(&folder)?);
    let credential = match &passphrase {
        Some(text) => Credential::passphrase(text.trim_end_matches(['\r', '\n'])),
        None => Credential::None,
    };
    let builder = Repository::builder(Arc::clone(&store));
    let keys = block_on(builder.audit_keys(AuditScope::Content, &credential))?;

    let limit = Limit::measure(&folder, &keys)?;
    let auditor = Auditor::new(store).with_keys(keys).with_threads(threads);
    let options = CheckOptions::new(Time::new(0, 0)).with_level(level);
    let began = Instant::now();
    let report = block_on(auditor.check(options, Arc::new(())))?;
    let took = began.elapsed();
    let stored = report.coverage.of(Area::Packs, Level::Hashed).bytes;
    let plain = report.coverage.of(Area::Blobs, Level::Decoded).bytes;
    say(&format!(
        "{}: {:.2} s, {} stored, {} plain, worst {:?}, peak memory {:.0} MiB",
        report.level,
        took.as_secs_f64(),
        rate(stored, took),
        rate(plain, took),
        report.worst(),
        peak_bytes().unwrap_or(0) as f64 / f64::from(1 << 20),
    ))?;
    let least = limit.took.as_secs_f64() / f64::from(u32::try_from(threads)?.max(1));
    say(&format!(
        "limit: one thread {:.2} s ({} stored, {} plain); of {threads} threads {least:.2} s: {:.0} % of the limit",
        limit.took.as_secs_f64(),
        rate(limit.stored, limit.took),
        rate(limit.plain, limit.took),
        100.0 * least / took.as_secs_f64(),
    ))
}

/// What it takes to read, hash, decrypt, decompress and hash again.
struct Limit {
    stored: u64,
    plain: u64,
    took: Duration,
}

/// Buffers and keys of the loop.
struct Bare<'k> {
    keys: &'k AuditKeys,
    structure: StructureKeys,
    ids: IdHasher,
    decompressor: Decompressor,
    pack: Vec<u8>,
    aad: Vec<u8>,
    plain: Vec<u8>,
}

impl Limit {
    fn measure(folder: &Path, keys: &AuditKeys) -> Result<Self, Failure> {
        let content = keys.content.as_ref().ok_or("no content keys")?;
        let mut bare = Bare {
            keys,
            structure: StructureKeys::new(keys.suite, &keys.structure_key),
            ids: IdHasher::new(&content.id_key),
            decompressor: Decompressor::new()?,
            pack: Vec::new(),
            aad: Vec::new(),
            plain: Vec::new(),
        };
        let mut packs = Vec::new();
        for part in std::fs::read_dir(folder.join("pack"))? {
            for pack in std::fs::read_dir(part?.path())? {
                packs.push(pack?.path());
            }
        }
        // Once to warm what is cached, as the check finds it then.
        for pack in &packs {
            bare.read(pack)?;
        }
        let began = Instant::now();
        let (mut stored, mut plain) = (0, 0);
        for pack in &packs {
            stored += bare.read(pack)?;
            plain += bare.check()?;
        }
        Ok(Self {
            stored,
            plain,
            took: began.elapsed(),
        })
    }
}

impl Bare<'_> {
    fn read(&mut self, path: &Path) -> Result<u64, Failure> {
        self.pack.clear();
        std::fs::File::open(path)?.read_to_end(&mut self.pack)?;
        Ok(self.pack.len() as u64)
    }

    fn check(&mut self) -> Result<u64, Failure> {
        std::hint::black_box(ObjectHash::of(&self.pack));
        let preamble = Preamble::decode(&self.pack)?;
        let last = self.pack.last_chunk().ok_or("no end")?;
        let tail = PackTail::decode(last, self.pack.len() as u64)?;
        let start = usize::try_from(tail.header_offset)?;
        let sealed = self.pack.get(start..start + tail.header_len as usize);
        let header = open_header(
            self.structure.header(),
            &preamble,
            tail.header_offset,
            sealed.ok_or("no header")?,
        )?;
        let content = self.keys.content.as_ref().ok_or("no content keys")?;
        let mut sessions = Vec::new();
        for record in &header.sessions {
            let epoch = content.epochs.iter().find(|(n, _)| *n == record.epoch);
            let (_, key) = epoch.ok_or("no epoch key")?;
            let key = EpochKey::new(key.duplicate());
            let (suite, repository) = (self.keys.suite, &self.keys.repository);
            let (id, epoch) = (record.session, record.epoch);
            let session = Session::unwrap(suite, repository, id, epoch, &key, &record.wrapped);
            sessions.push(session.map_err(|_| "a session does not open")?);
        }
        let mut total = 0;
        for (position, frame) in header.frames.iter().enumerate() {
            let blobs = header.frame_blobs(position);
            let repository = &self.keys.repository;
            frame_aad(&mut self.aad, repository, frame.kind, frame.codec, blobs);
            let start = frame.offset as usize;
            let sealed = self.pack.get_mut(start..start + frame.stored_len as usize);
            let sealed = sealed.ok_or("no frame")?;
            let sealer = match frame.key {
                FrameKey::Refs => self.structure.refs(),
                FrameKey::Session(at) => {
                    sessions.get(usize::from(at)).ok_or("no session")?.sealer()
                }
            };
            let opened = sealer
                .open_in_place(&self.aad, sealed)
                .map_err(|_| "a bad frame")?;
            let mut plain: &[u8] = opened;
            if frame.codec != Codec::Raw {
                self.plain.clear();
                let len = frame.plain_len as usize;
                let out = &mut self.plain;
                self.decompressor
                    .decompress(frame.codec, opened, len, out)?;
                plain = &self.plain;
            }
            for blob in blobs {
                let (bytes, rest) = plain.split_at(blob.len as usize);
                plain = rest;
                let id = match frame.kind {
                    2 => self.structure.page_id(2, bytes),
                    kind => self.ids.id(kind, bytes),
                };
                if id != blob.id {
                    return Err("a bad blob".into());
                }
            }
            total += u64::from(frame.plain_len);
        }
        Ok(total)
    }
}

fn rate(bytes: u64, took: Duration) -> String {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    format!("{:.0} MiB/s", mebibytes / took.as_secs_f64().max(1e-9))
}

fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1_024)
}

fn say(line: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
