//! Going through time.

use std::collections::BTreeMap;

use super::Exposure;
use super::ready::Ready;
use crate::history::EntryRef;

/// What a sweep over time finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Swept {
    pub(super) now: Exposure,
    pub(super) worst: Exposure,
    pub(super) worst_at: i64,
    pub(super) around_worst: [Option<EntryRef>; 2],
    pub(super) within: u64,
    pub(super) newest: Option<(i64, EntryRef)>,
}

/// Goes through the moments at which a copy begins or ends to count.
pub(super) fn sweep(ready: &[Ready], from: i64, until: i64, target: Option<u64>) -> Swept {
    let mut moments: Vec<(i64, bool, Ready)> = Vec::with_capacity(ready.len() * 2);
    for one in ready {
        moments.push((one.ready, true, *one));
        moments.extend(one.gone.map(|gone| (gone.max(one.ready), false, *one)));
    }
    moments.sort_by_key(|(at, begins, one)| (*at, !*begins, one.entry));
    let target = target.map(|target| i64::try_from(target).unwrap_or(i64::MAX));
    let mut swept = Swept {
        now: Exposure::Everything,
        worst: Exposure::Seconds(0),
        worst_at: from,
        around_worst: [None; 2],
        within: 0,
        newest: None,
    };
    let mut counting: BTreeMap<(i64, EntryRef), u32> = BTreeMap::new();
    let mut at = from;
    for (moment, begins, one) in moments.iter().take_while(|(moment, ..)| *moment <= until) {
        let newest = counting.last_key_value().map(|(key, _)| *key);
        if *moment > at {
            swept.pass(newest, at, *moment, target, Some(one.entry));
            at = *moment;
        }
        let key = (one.capture, one.entry);
        let count = counting.entry(key).or_default();
        *count = if *begins {
            *count + 1
        } else {
            count.saturating_sub(1)
        };
        if *count == 0 {
            counting.remove(&key);
        }
    }
    swept.newest = counting.last_key_value().map(|(key, _)| *key);
    let newest = swept.newest;
    swept.pass(newest, at, until, target, None);
    swept.now = newest.map_or(Exposure::Everything, |(capture, _)| {
        Exposure::between(capture, until)
    });
    swept
}

impl Swept {
    /// Adds the time from `from` to `to`, in which the same point was the newest one.
    fn pass(
        &mut self,
        newest: Option<(i64, EntryRef)>,
        from: i64,
        to: i64,
        target: Option<i64>,
        next: Option<EntryRef>,
    ) {
        let exposure = newest.map_or(Exposure::Everything, |(capture, _)| {
            Exposure::between(capture, to)
        });
        if exposure > self.worst {
            (self.worst, self.worst_at) = (exposure, to);
            self.around_worst = [newest.map(|(_, entry)| entry), next];
        }
        if let (Some((capture, _)), Some(target)) = (newest, target) {
            let end = capture.saturating_add(target).clamp(from, to);
            self.within += u64::try_from(end.saturating_sub(from)).unwrap_or_default();
        }
    }
}
