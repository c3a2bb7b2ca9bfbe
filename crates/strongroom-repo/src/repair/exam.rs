//! A pack, read again: whether it is what was written, and which of its frames are what they say.

use std::collections::BTreeSet;

use bytes::Bytes;
use strongroom_format::{
    FrameKey, ObjectHash, PackHeader, PackRef, PackTail, Preamble, open_header,
};

use super::look::Look;
use crate::blobs::{Blobs, Scratch};
use crate::context::get_if_there;
use crate::error::{Error, ErrorKind, Result};
use crate::packs::PackInfo;
use crate::repair::item::Wrong;
use strongroom_format::object_name;

/// What was found out about a pack in force.
#[derive(Debug)]
pub(super) struct Exam {
    pub(super) pack: PackRef,
    /// What is wrong with the object; `None` if it is what was written.
    pub(super) wrong: Option<Wrong>,
    /// What it says is in it, if that opens.
    pub(super) header: Option<(PackInfo, PackHeader)>,
    /// Frames that are not what they say; without a header it is all of them.
    pub(super) bad: BTreeSet<u32>,
    /// A later version wrote something of it.
    pub(super) newer: bool,
    /// Nothing says that a frame is bad but that this handle does not have its key.
    pub(super) locked: bool,
}

/// What somebody doubts of a pack, beyond what can be seen from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Nothing: a whole pack is opened only if it is in quarantine.
    #[default]
    Nothing,
    /// These frames.
    Frames(BTreeSet<u32>),
    /// Every frame, and the header.
    All,
}

impl Doubt {
    /// Doubts what somebody named too: no frames mean the whole pack.
    pub(super) fn add(&mut self, named: &[u32]) {
        match self {
            _ if named.is_empty() => *self = Self::All,
            Self::All => {}
            Self::Nothing => *self = Self::Frames(named.iter().copied().collect()),
            Self::Frames(frames) => frames.extend(named),
        }
    }

    /// Doubts what an item says is bad. Nobody doubts what is as it was written, nor what is not there.
    pub(super) fn of(wrong: &Wrong) -> Self {
        match wrong {
            Wrong::Frames(frames) => Self::Frames(frames.iter().copied().collect()),
            Wrong::Header => Self::All,
            _ => Self::Nothing,
        }
    }

    fn is_of(&self, position: u32) -> bool {
        match self {
            Self::Nothing => false,
            Self::Frames(frames) => frames.contains(&position),
            Self::All => true,
        }
    }
}

impl Exam {
    /// Says whether nothing of it is bad, as far as somebody doubted it. Of what a later version wrote nobody can say.
    pub(super) fn is_good(&self) -> bool {
        !self.is_damaged() && !self.newer
    }

    /// Says whether something of it is bad.
    pub(super) fn is_damaged(&self) -> bool {
        self.wrong.is_some() || !self.bad.is_empty()
    }

    /// Says whether nothing is left behind when its good frames are moved.
    pub(super) fn moves_whole(&self, retired: &BTreeSet<u32>) -> bool {
        let frames = self.header.as_ref().map(|(_, header)| header.frames.len());
        !self.newer && frames == Some(self.good(retired).len())
    }

    /// Says whether a frame is bad.
    pub(super) fn is_bad(&self, position: u32) -> bool {
        self.header.is_none() || self.bad.contains(&position)
    }

    /// Returns the bad frames as a `Damaged` entry names them: none means all.
    pub(super) fn named(&self) -> Vec<u32> {
        let all = |header: &PackHeader| header.frames.len() == self.bad.len();
        match &self.header {
            Some((_, header)) if !all(header) => self.bad.iter().copied().collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the frames that are what they say and are not sealed under a retired epoch.
    pub(super) fn good(&self, retired: &BTreeSet<u32>) -> Vec<u32> {
        let Some((_, header)) = &self.header else {
            return Vec::new();
        };
        let frames = (0..).zip(&header.frames);
        let good = frames.filter(|(position, frame)| {
            !self.bad.contains(position) && !is_retired(header, frame.key, retired)
        });
        good.map(|(position, _)| position).collect()
    }
}

/// Says whether a frame is sealed under one of these epochs.
pub(super) fn is_retired(header: &PackHeader, key: FrameKey, retired: &BTreeSet<u32>) -> bool {
    match key {
        FrameKey::Refs => false,
        FrameKey::Session(at) => {
            let session = header.sessions.get(usize::from(at));
            session.is_none_or(|session| retired.contains(&session.epoch))
        }
    }
}

impl Look<'_> {
    /// Reads a pack in force again, twice if it is not what was written. Of one that is, only the frames that somebody doubts are opened: those
    /// named, and those in quarantine.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached.
    pub(super) fn examine(&self, pack: &PackRef, doubt: &Doubt) -> Result<(Exam, Bytes)> {
        let (wrong, bytes) = self.read_pack(pack)?;
        let exam = self.inspect(pack, wrong, &bytes, doubt)?;
        Ok((exam, bytes))
    }

    /// Looks into the bytes of a pack of which is known what is wrong with them as a whole.
    ///
    /// # Errors
    ///
    /// `Internal` without memory.
    pub(super) fn inspect(
        &self,
        pack: &PackRef,
        wrong: Option<Wrong>,
        bytes: &Bytes,
        doubt: &Doubt,
    ) -> Result<Exam> {
        let recorded = self.state.damaged.get(&pack.name);
        let is_trusted = wrong.is_none() && *doubt == Doubt::Nothing && recorded.is_none();
        // Whoever doubts all of a pack does not say that it lacks no key to see.
        let is_vague = wrong.is_none() && *doubt == Doubt::All && recorded.is_none();
        let mut exam = Exam {
            pack: *pack,
            wrong,
            header: None,
            bad: BTreeSet::new(),
            newer: false,
            locked: false,
        };
        if is_trusted || exam.wrong == Some(Wrong::Missing) {
            return Ok(exam);
        }
        let is_doubted = |position: u32| match (&exam.wrong, recorded) {
            (Some(_), _) => true,
            (None, Some(recorded)) => {
                recorded.is_empty() || recorded.contains(&position) || doubt.is_of(position)
            }
            (None, None) => doubt.is_of(position),
        };
        match self.open_pack(pack, bytes) {
            Ok((info, header)) => {
                let positions = (0..).zip(&header.frames).map(|(position, _)| position);
                let doubted: Vec<u32> = positions.filter(|one| is_doubted(*one)).collect();
                for position in doubted {
                    match check_frame(&self.blobs, &info, &header, position, bytes) {
                        Ok(()) => {}
                        Err(error) if error.kind() == ErrorKind::Incompatible => exam.newer = true,
                        Err(error) if is_vague && error.kind() == ErrorKind::WrongKey => {
                            exam.locked = true;
                        }
                        Err(error) if is_bad(&error) => drop(exam.bad.insert(position)),
                        Err(error) => return Err(error),
                    }
                }
                exam.header = Some((info, header));
            }
            Err(error) if error.kind() == ErrorKind::Incompatible => {
                exam.newer = exam.wrong.is_none();
            }
            Err(_) if exam.wrong.is_none() => exam.wrong = Some(Wrong::Header),
            Err(_) => {}
        }
        if exam.wrong.is_none() && !exam.bad.is_empty() {
            exam.wrong = Some(Wrong::Frames(exam.bad.iter().copied().collect()));
        }
        Ok(exam)
    }

    /// Says whether bytes are those of a pack.
    pub(super) fn is_pack(pack: &PackRef, bytes: &Bytes) -> bool {
        bytes.len() as u64 == u64::from(pack.len) && ObjectHash::of(bytes) == pack.name
    }

    fn read_pack(&self, pack: &PackRef) -> Result<(Option<Wrong>, Bytes)> {
        let name = object_name::pack(&pack.name);
        let mut last = (Some(Wrong::Missing), Bytes::new());
        // Once more before crying wolf.
        for _ in 0..2 {
            let Some(bytes) = get_if_there(self.remote, &name)? else {
                continue;
            };
            if Self::is_pack(pack, &bytes) {
                return Ok((None, bytes));
            }
            let len = bytes.len() as u64;
            let wrong = match len == u64::from(pack.len) {
                true => Wrong::Altered,
                false => Wrong::Length(len),
            };
            last = (Some(wrong), bytes);
        }
        Ok(last)
    }

    /// Opens the header of a pack where its own last bytes say that it is, or else where the index says.
    pub(super) fn open_pack(
        &self,
        pack: &PackRef,
        bytes: &Bytes,
    ) -> Result<(PackInfo, PackHeader)> {
        let own = own_info(pack, bytes);
        let known = self.index.packs()?.into_iter();
        let known = known.filter(|info| info.name == pack.name && info.len == pack.len);
        let mut failure = None;
        for info in own.into_iter().chain(known.map(|info| (*info).clone())) {
            match self.open_at(&info, bytes) {
                Ok(header) => return Ok((info, header)),
                Err(error) => drop(failure.get_or_insert(error)),
            }
        }
        Err(failure.unwrap_or_else(|| {
            let what = "a pack does not say where its header is";
            Error::new(ErrorKind::Damaged, what).object_named(object_name::pack(&pack.name))
        }))
    }

    fn open_at(&self, info: &PackInfo, bytes: &Bytes) -> Result<PackHeader> {
        let decode = |error| Error::decode(info.object(), error);
        let preamble = Preamble::decode(bytes).map_err(decode)?;
        let start = info.header_offset as usize;
        let sealed = bytes.get(start..start.saturating_add(info.header_len as usize));
        let sealed = sealed.ok_or_else(|| crate::blobs::damaged(info, "a pack ends too early"))?;
        let ours = preamble.repository == self.context.repository
            && preamble.suite == self.context.suite
            && preamble.flags == info.class as u16;
        if !ours {
            return Err(crate::blobs::damaged(info, "a pack is another one"));
        }
        let keys = self.context.keys();
        let offset = u64::from(info.header_offset);
        open_header(keys.structure.header(), &preamble, offset, sealed).map_err(decode)
    }
}

/// Reads where a pack's header is out of its last bytes.
fn own_info(pack: &PackRef, bytes: &Bytes) -> Option<PackInfo> {
    let (_, tail) = bytes.split_last_chunk::<{ PackTail::LEN }>()?;
    let tail = PackTail::decode(tail, bytes.len() as u64).ok()?;
    Some(PackInfo {
        name: pack.name,
        len: pack.len,
        header_offset: u32::try_from(tail.header_offset).ok()?,
        header_len: tail.header_len,
        class: pack.class,
    })
}

/// Opens a frame and compares every blob of it with its id.
///
/// # Errors
///
/// `Damaged` when it is not what it says, `WrongKey` when nobody can say, `Incompatible` when a later version can.
fn check_frame(
    blobs: &Blobs,
    info: &PackInfo,
    header: &PackHeader,
    position: u32,
    bytes: &Bytes,
) -> Result<()> {
    let at = position as usize;
    let damaged = |what: &str| crate::blobs::damaged(info, what);
    let frame = header.frames.get(at);
    let frame = frame.ok_or_else(|| damaged("a pack has fewer frames"))?;
    let start = frame.offset as usize;
    let sealed = bytes.get(start..start.saturating_add(frame.stored_len as usize));
    let sealed = sealed.ok_or_else(|| damaged("a pack ends too early"))?;
    let mut scratch = Scratch::new()?;
    let mut rest = blobs.decode_frame(&mut scratch, info, header, position, sealed)?;
    for blob in header.frame_blobs(at) {
        let parts = rest.split_at_checked(blob.len as usize);
        let (bytes, after) = parts.ok_or_else(|| damaged("a frame ends too early"))?;
        if !blobs.is(frame.kind, &blob.id, bytes) {
            return Err(damaged("a blob is not what its id says"));
        }
        rest = after;
    }
    Ok(())
}

/// Says whether an error is of the frame and not of the machine.
fn is_bad(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Damaged | ErrorKind::WrongKey)
}
