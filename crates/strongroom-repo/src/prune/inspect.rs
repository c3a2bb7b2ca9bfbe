//! Looks into the headers of packs with frames of which only a part is needed: what is trapped there, to the byte.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::{FrameKey, FrameRecord, PackClass, PackHeader};

use crate::blobs::{Blobs, HeaderTicket, PAGE};
use crate::error::Result;
use crate::index::{Marks, Needed, in_order};
use crate::keys::Keys;
use crate::packs::PackInfo;
use crate::prune::figures::{Figures, PackFigures, Trapped};
use crate::prune::options::{PruneOptions, Reframe, ReframeBelow, whole};
use crate::state::State;

/// Which frames may be framed anew, and when that is worth while.
#[derive(Debug)]
pub(crate) struct Reframing<'a> {
    keys: &'a Keys,
    below: ReframeBelow,
    is_thorough: bool,
    reframe: Reframe,
    /// There is an epoch that new content may be written under.
    can_seal: bool,
    /// Packs of content are not read.
    leaves_content: bool,
}

impl<'a> Reframing<'a> {
    pub(crate) fn new(keys: &'a Keys, state: &State, options: &PruneOptions) -> Self {
        Self {
            keys,
            can_seal: keys.open_epoch(state).is_ok(),
            below: options.reframe_below(),
            is_thorough: false,
            reframe: options.reframe,
            leaves_content: options.leaves(PackClass::Data),
        }
    }

    /// Says whether what is dear to free is freed too. Default: no.
    pub(crate) fn thorough(mut self, is_thorough: bool) -> Self {
        self.is_thorough = is_thorough;
        self
    }

    /// Says whether packs of this class are not read.
    fn leaves(&self, class: PackClass) -> bool {
        self.leaves_content && class == PackClass::Data
    }

    /// Says whether content that nothing needs can be freed from frames at all.
    pub(crate) fn has_content_keys(&self) -> bool {
        self.reframe == Reframe::Auto && self.can_seal
    }

    /// Says whether a frame of which only a part is needed, of so many bytes, is to be framed anew, if the keys
    /// [open](Self::opens) it.
    pub(crate) fn is_worth(&self, plain_len: u32, live_plain: u64) -> bool {
        let below = match self.is_thorough {
            true => self.below.dear,
            false => self.below.fair,
        };
        self.is_below(below, plain_len, live_plain)
    }

    /// Says whether that would be so if it were thorough.
    fn may_be_worth(&self, plain_len: u32, live_plain: u64) -> bool {
        self.is_below(self.below.dear, plain_len, live_plain)
    }

    fn is_below(&self, below: f64, plain_len: u32, live_plain: u64) -> bool {
        // Where nothing unused may stay, not even an empty blob may.
        let is_below = below >= 1.0 || (live_plain as f64) < f64::from(plain_len) * below;
        self.reframe == Reframe::Auto && is_below
    }

    /// Says whether the keys open a frame and seal another in its place. Reference lists are sealed under a key that everybody who
    /// prunes has; everything else needs the key of its epoch.
    pub(crate) fn opens(&self, header: &PackHeader, frame: &FrameRecord) -> bool {
        let FrameKey::Session(at) = frame.key else {
            return frame.kind == PAGE;
        };
        let record = header.sessions.get(usize::from(at));
        self.has_content_keys()
            && record.is_some_and(|record| self.keys.epoch(record.epoch).is_some())
    }
}

/// Where headers of packs come from.
pub(crate) trait Headers {
    /// One that was asked for.
    type Ticket;

    /// Begins to fetch the header of a pack.
    ///
    /// # Errors
    ///
    /// When it cannot be asked for.
    fn begin(&self, pack: &PackInfo) -> Result<Self::Ticket>;

    /// Waits for a header.
    ///
    /// # Errors
    ///
    /// `Damaged`, `Incompatible` or `NotFound` naming the pack; otherwise what the store said.
    fn finish(&self, pack: &PackInfo, ticket: Self::Ticket) -> Result<Arc<PackHeader>>;
}

impl Headers for Blobs {
    type Ticket = HeaderTicket;

    fn begin(&self, pack: &PackInfo) -> Result<HeaderTicket> {
        self.header_later(pack)
    }

    fn finish(&self, pack: &PackInfo, ticket: HeaderTicket) -> Result<Arc<PackHeader>> {
        ticket.wait(self, pack)
    }
}

/// Reads the headers of packs with mixed frames, a few at a time, and fills in what is trapped in them.
///
/// Packs come in the order of the segments that map them, and the blobs of many packs are looked up together, sorted, so that each
/// segment is read about once. Memory: 40 bytes for each blob that is looked up together, 20 MiB.
///
/// # Errors
///
/// As [`Headers::finish`]; `Damaged` naming a segment of which a page cannot be read.
pub(crate) fn inspect<H: Headers>(
    figures: &mut Figures,
    marks: &Marks,
    headers: &H,
    reframing: &Reframing<'_>,
) -> Result<()> {
    let mixed = |(_, pack): &(usize, &PackFigures)| {
        !pack.mixed.is_empty() && !pack.needs_damaged && !reframing.leaves(pack.pack.class)
    };
    let packs = figures.packs.iter().enumerate().filter(mixed);
    let mut order: Vec<_> = packs.map(|(at, pack)| (pack.part, at)).collect();
    order.sort_unstable();
    let mut coming = order.into_iter().map(|(_, at)| at);
    let mut waiting: VecDeque<(usize, Arc<PackInfo>, H::Ticket)> = VecDeque::new();
    let mut lookup = Lookup::default();
    loop {
        while waiting.len() < AT_ONCE {
            let Some(at) = coming.next() else { break };
            if let Some(info) = figures.packs.get(at).and_then(|pack| pack.info.clone()) {
                let ticket = headers.begin(&info)?;
                waiting.push_back((at, info, ticket));
            }
        }
        let Some((at, info, ticket)) = waiting.pop_front() else {
            return lookup.settle(figures, marks, reframing);
        };
        let header = headers.finish(&info, ticket)?;
        if let Some(pack) = figures.packs.get(at) {
            lookup.gather((at, pack), &header, reframing);
        }
        if lookup.blobs.len() >= GATHERED {
            lookup.settle(figures, marks, reframing)?;
        }
    }
}

/// Blobs of several packs that are looked up together.
#[derive(Debug, Default)]
struct Lookup {
    frames: Vec<FrameSum>,
    blobs: Vec<Wanted>,
    /// The parts of the index that map the packs of blobs, and the first blob of each.
    parts: Vec<(Option<u32>, usize)>,
}

/// What of a frame is needed.
#[derive(Debug)]
struct FrameSum {
    /// The pack, among all.
    pack: usize,
    position: u32,
    stored_len: u32,
    plain_len: u32,
    opens: bool,
    live_plain: u64,
    live: u32,
    dead: u32,
}

#[derive(Debug)]
struct Wanted {
    id: Id,
    /// The frame, among those gathered.
    frame: u32,
    len: u32,
}

impl Wanted {
    fn order(&self, other: &Self) -> Ordering {
        in_order(&self.id, &other.id).then(self.frame.cmp(&other.frame))
    }
}

impl Lookup {
    /// Takes the blobs of frames of which only a part is needed.
    fn gather(
        &mut self,
        (at, pack): (usize, &PackFigures),
        header: &PackHeader,
        reframing: &Reframing<'_>,
    ) {
        if self.parts.last().map(|(part, _)| *part) != Some(pack.part) {
            self.parts.push((pack.part, self.blobs.len()));
        }
        let frames = (0..).zip(&header.frames).enumerate();
        for (index, (position, frame)) in frames.filter(|(_, (at, _))| pack.mixed.may_have(*at)) {
            let number = u32::try_from(self.frames.len()).unwrap_or(u32::MAX);
            self.frames.push(FrameSum {
                pack: at,
                position,
                stored_len: frame.stored_len,
                plain_len: frame.plain_len,
                opens: reframing.opens(header, frame),
                live_plain: 0,
                live: 0,
                dead: 0,
            });
            let blobs = header.frame_blobs(index).iter();
            self.blobs.extend(blobs.map(|blob| Wanted {
                id: blob.id,
                frame: number,
                len: blob.len,
            }));
        }
    }

    /// Looks everything up, adds it to the figures, and forgets it.
    fn settle(
        &mut self,
        figures: &mut Figures,
        marks: &Marks,
        reframing: &Reframing<'_>,
    ) -> Result<()> {
        let mut end = self.blobs.len();
        for (part, start) in self.parts.drain(..).rev() {
            let blobs = self.blobs.get_mut(start..end).unwrap_or_default();
            end = start;
            blobs.sort_unstable_by(Wanted::order);
            look_up(
                blobs,
                &mut self.frames,
                figures,
                &mut marks.needed(part.map(|part| part as usize)),
            )?;
        }
        self.blobs.clear();
        for frame in self.frames.drain(..) {
            if let Some(pack) = figures.packs.get_mut(frame.pack) {
                frame.add_to(&mut pack.trapped, reframing);
            }
        }
        Ok(())
    }
}

/// Looks sorted blobs up.
fn look_up(
    blobs: &[Wanted],
    frames: &mut [FrameSum],
    figures: &Figures,
    needed: &mut Needed<'_>,
) -> Result<()> {
    let mut last = None;
    for blob in blobs {
        let Some(frame) = frames.get_mut(blob.frame as usize) else {
            continue;
        };
        let Some(pack) = figures.packs.get(frame.pack) else {
            continue;
        };
        // The same blob twice in one frame is needed once.
        let is_again = last.replace((blob.id, blob.frame)) == Some((blob.id, blob.frame));
        if !is_again && needed.has(&blob.id, &pack.pack.name, frame.position)? {
            frame.live += 1;
            frame.live_plain += u64::from(blob.len);
        } else {
            frame.dead += 1;
        }
    }
    Ok(())
}

impl FrameSum {
    fn add_to(&self, trapped: &mut Trapped, reframing: &Reframing<'_>) {
        if self.live == 0 || self.dead == 0 {
            return;
        }
        let plain = u64::from(self.plain_len).saturating_sub(self.live_plain);
        let share = plain as f64 / f64::from(self.plain_len.max(1));
        // However little it is, it is something that is not needed.
        let stored = whole(f64::from(self.stored_len) * share).max(1);
        trapped.plain += plain;
        trapped.stored += stored;
        if self.opens && reframing.is_worth(self.plain_len, self.live_plain) {
            trapped.plain_to_free += plain;
            trapped.stored_to_free += stored;
        } else if self.opens && reframing.may_be_worth(self.plain_len, self.live_plain) {
            trapped.plain_sparse += plain;
            trapped.stored_sparse += stored;
        }
    }
}

/// Says of each blob of a pack, by its frames, whether this copy of it is needed.
///
/// # Errors
///
/// `Damaged` naming a segment of which a page cannot be read.
pub(crate) fn needed_blobs(
    marks: &Marks,
    pack: &PackInfo,
    header: &PackHeader,
) -> Result<Vec<Vec<bool>>> {
    let frames = 0..header.frames.len();
    let mut all = frames
        .clone()
        .map(|frame| vec![false; header.frame_blobs(frame).len()])
        .collect::<Vec<_>>();
    let mut blobs: Vec<_> = frames
        .flat_map(|frame| {
            let blobs = header.frame_blobs(frame).iter().enumerate();
            blobs.map(move |(at, blob)| (&blob.id, frame, at))
        })
        .collect();
    blobs.sort_unstable_by(|one, other| {
        in_order(one.0, other.0).then((one.1, one.2).cmp(&(other.1, other.2)))
    });
    let mut needed = marks.needed(None);
    let mut last = None;
    for (id, frame, at) in blobs {
        // The same blob twice in one frame is needed once.
        let is_again = last.replace((id, frame)) == Some((id, frame));
        let position = u32::try_from(frame).unwrap_or(u32::MAX);
        if let Some(found) = all.get_mut(frame).and_then(|of_frame| of_frame.get_mut(at)) {
            *found = !is_again && needed.has(id, &pack.name, position)?;
        }
    }
    Ok(all)
}

/// Headers on their way at once.
const AT_ONCE: usize = 8;
/// Blobs that are looked up together.
const GATHERED: usize = 1 << 19;
