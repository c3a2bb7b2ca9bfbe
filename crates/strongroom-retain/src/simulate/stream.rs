//! What [`KeepRules`] keep of a history that grows: a few steps for each new snapshot, where
//! [`decide`](crate::Retention::decide) looks at all of them.
//!
//! It is right because a rule never wants back what it once let go: later snapshots only ever push
//! earlier ones out, and a counting rule that has found enough has enough for ever. There are two
//! exceptions, after which everything is looked at anew: a clock that is set back, and a window that
//! begins earlier than before (a month before 28 March 20:00 is later than one before 29 March
//! 08:00). It holds for complete snapshots of one offset, as in a simulation, and tests compare it
//! with `decide`.

use std::collections::BTreeMap;

use crate::moment::Moment;
use crate::rules::{KeepRules, Rule};
use crate::simulate::{History, Kept};
use crate::unit::Unit;

/// A snapshot by its age: the later, the greater.
type Place = (i64, u64);

/// A history, and what each rule keeps of it.
pub(super) struct Stream<'r> {
    rules: &'r KeepRules,
    holders: Vec<Holder<'r>>,
    /// All snapshots, and by how many rules they are kept.
    kept: BTreeMap<Place, (Moment, usize)>,
    /// Those that no rule has seen.
    waiting: BTreeMap<Place, Moment>,
    now: i64,
}

impl<'r> Stream<'r> {
    pub(super) fn new(rules: &'r KeepRules) -> Self {
        Self {
            rules,
            holders: holders(rules),
            kept: BTreeMap::new(),
            waiting: BTreeMap::new(),
            now: i64::MIN,
        }
    }

    /// Forgets what the rules have seen.
    fn start_anew(&mut self) {
        self.holders = holders(self.rules);
        for (place, (moment, keepers)) in &mut self.kept {
            *keepers = 0;
            self.waiting.insert(*place, *moment);
        }
    }

    /// Shows the rules what they have not seen and is not in the future; returns what they may have
    /// let go.
    fn show_present(&mut self) -> Vec<Place> {
        let future = match self.now.checked_add(1) {
            Some(first) => self.waiting.split_off(&(first, 0)),
            None => BTreeMap::new(),
        };
        let present = std::mem::replace(&mut self.waiting, future);
        let mut suspects = Vec::new();
        for (place, moment) in present {
            suspects.push(place);
            for holder in &mut self.holders {
                holder.see(place, moment, &mut tell(&mut self.kept, &mut suspects));
            }
        }
        suspects
    }

    /// Lets go what is out of the windows; `false`, if a window begins earlier than before.
    fn close_windows(&mut self, suspects: &mut Vec<Place>) -> bool {
        let mut holders = self.holders.iter_mut();
        holders.all(|holder| holder.close_window(&mut tell(&mut self.kept, suspects)))
    }
}

/// Returns what counts the keepers of each snapshot.
fn tell(
    kept: &mut BTreeMap<Place, (Moment, usize)>,
    suspects: &mut Vec<Place>,
) -> impl FnMut(Place, Change) {
    |place, change| {
        if let Some((_, keepers)) = kept.get_mut(&place) {
            match change {
                Change::Take => *keepers += 1,
                Change::LetGo => *keepers -= 1,
            }
        }
        suspects.push(place);
    }
}

impl History for Stream<'_> {
    fn add(&mut self, id: u64, moment: Moment) {
        let place = (moment.unix_seconds, id);
        self.kept.insert(place, (moment, 0));
        self.waiting.insert(place, moment);
    }

    fn apply(&mut self, now: Moment) -> Result<(), crate::Error> {
        if now.unix_seconds < self.now {
            self.start_anew();
        }
        self.now = now.unix_seconds;
        let mut suspects = self.show_present();
        if !self.close_windows(&mut suspects) {
            self.start_anew();
            suspects.extend(self.show_present());
            self.close_windows(&mut suspects);
        }
        for place in suspects {
            let is_kept_by_none = |(_, keepers): &(Moment, usize)| *keepers == 0;
            if !self.holders.is_empty() && self.kept.get(&place).is_some_and(is_kept_by_none) {
                self.kept.remove(&place);
            }
        }
        Ok(())
    }

    fn kept(&self) -> Kept {
        let oldest = self.kept.first_key_value();
        Kept {
            count: self.kept.len(),
            oldest: oldest.map(|(_, (moment, _))| *moment),
        }
    }

    fn moments(&self) -> Vec<Moment> {
        self.kept.values().map(|(moment, _)| *moment).collect()
    }
}

fn holders(rules: &KeepRules) -> Vec<Holder<'_>> {
    rules.iter().map(Holder::new).collect()
}

/// One rule, and what it keeps.
struct Holder<'r> {
    rule: &'r Rule,
    /// The newest of each period; for rules that know none, every snapshot has its own.
    newest: BTreeMap<(i64, u64), Place>,
    /// The oldest there was, until a counting rule has found enough.
    oldest: Option<Place>,
    has_enough: bool,
    /// The newest there was.
    anchor: Option<(Place, Moment)>,
    /// Where its window began.
    cutoff: i64,
}

enum Change {
    Take,
    LetGo,
}

impl<'r> Holder<'r> {
    fn new(rule: &'r Rule) -> Self {
        Self {
            rule,
            newest: BTreeMap::new(),
            oldest: None,
            has_enough: false,
            anchor: None,
            cutoff: i64::MIN,
        }
    }

    fn see(&mut self, place: Place, moment: Moment, tell: &mut dyn FnMut(Place, Change)) {
        let period = |unit: Unit| (unit.index(moment), 0);
        match self.rule {
            Rule::Last(count) => self.compete(place, place, count.limit(), tell),
            Rule::Every(unit, count) => {
                self.compete(period(*unit), place, count.limit(), tell);
                self.reach_back(place, count.limit(), tell);
            }
            Rule::Within(_) => self.stay(place, (place, moment), tell),
            Rule::EveryWithin(unit, _) => self.stay(period(*unit), (place, moment), tell),
            Rule::Tagged(_) => {}
        }
    }

    /// Keeps it if it is the newest of its period and that is one of the last so many.
    fn compete(
        &mut self,
        period: (i64, u64),
        place: Place,
        limit: usize,
        tell: &mut dyn FnMut(Place, Change),
    ) {
        match self.newest.get(&period) {
            Some(newer) if *newer > place => return,
            Some(older) => tell(*older, Change::LetGo),
            None => {}
        }
        self.newest.insert(period, place);
        tell(place, Change::Take);
        if self.newest.len() > limit
            && let Some((_, first)) = self.newest.pop_first()
        {
            tell(first, Change::LetGo);
        }
    }

    /// Keeps the oldest as long as there are fewer periods than the rule may keep.
    fn reach_back(&mut self, place: Place, limit: usize, tell: &mut dyn FnMut(Place, Change)) {
        self.has_enough |= self.newest.len() >= limit;
        if self.has_enough {
            if let Some(oldest) = self.oldest.take() {
                tell(oldest, Change::LetGo);
            }
        } else if self.oldest.is_none_or(|oldest| place < oldest) {
            if let Some(oldest) = self.oldest.replace(place) {
                tell(oldest, Change::LetGo);
            }
            tell(place, Change::Take);
        }
    }

    /// Keeps it if it is the newest of its period, until the window closes.
    fn stay(
        &mut self,
        period: (i64, u64),
        (place, moment): (Place, Moment),
        tell: &mut dyn FnMut(Place, Change),
    ) {
        if self.anchor.is_none_or(|(newest, _)| newest < place) {
            self.anchor = Some((place, moment));
        }
        self.compete(period, place, usize::MAX, tell);
    }

    /// Lets go what is too much older than the newest; `false`, if that is less than before.
    fn close_window(&mut self, tell: &mut dyn FnMut(Place, Change)) -> bool {
        let (Rule::Within(span) | Rule::EveryWithin(_, span)) = self.rule else {
            return true;
        };
        let Some((_, newest)) = self.anchor else {
            return true;
        };
        let cutoff = span.before(newest).unix_seconds;
        if cutoff < self.cutoff {
            return false;
        }
        self.cutoff = cutoff;
        while let Some(first) = self.newest.first_entry()
            && first.get().0 < cutoff
        {
            tell(first.remove(), Change::LetGo);
        }
        true
    }
}
