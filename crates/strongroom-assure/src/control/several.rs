//! One judgement of several questions.

use strongroom_retain::Moment;

use super::verdict::{Judgement, Scope, Verdict};

/// Several questions about one scope, of which the worst answer counts.
#[derive(Debug)]
pub(super) struct Several {
    scope: Scope,
    parts: Vec<Judgement>,
}

impl Several {
    pub(super) fn of(scope: Scope) -> Self {
        Self {
            scope,
            parts: Vec::new(),
        }
    }

    pub(super) fn scope(&self) -> Scope {
        self.scope.clone()
    }

    pub(super) fn add(&mut self, part: Judgement) {
        self.parts.push(part);
    }

    /// Joins the answers: the reasons and entries of the worst, and the earliest end of what holds.
    pub(super) fn finish(self) -> Judgement {
        let verdict = Verdict::worst(self.parts.iter().map(|part| part.verdict));
        let worst: Vec<&Judgement> = self
            .parts
            .iter()
            .filter(|part| part.verdict == verdict)
            .collect();
        let reasons: Vec<&str> = worst.iter().map(|part| part.reason.as_str()).collect();
        let ends = self
            .parts
            .iter()
            .filter(|part| part.verdict == Verdict::Pass);
        let end: Option<Moment> = ends.filter_map(|part| part.valid_until).min();
        Judgement::new(self.scope, verdict, reasons.join("; "))
            .because(worst.iter().flat_map(|part| part.because.iter().copied()))
            .since(worst.iter().filter_map(|part| part.since).min())
            .until(end.filter(|_| verdict == Verdict::Pass))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::EntryRef;

    #[test]
    fn the_worst_answer_counts_with_all_its_reasons() {
        let one = |verdict, reason: &str, n| {
            Judgement::new(Scope::Fleet, verdict, reason)
                .because([EntryRef::new(0, n)])
                .since(Moment::utc(i64::try_from(n).unwrap()))
                .until(Moment::utc(100 + i64::try_from(n).unwrap()))
        };
        let mut all = Several::of(Scope::Fleet);
        all.add(one(Verdict::Pass, "good", 1));
        all.add(one(Verdict::Fail, "bad", 2));
        all.add(one(Verdict::Fail, "worse", 3));
        let joined = all.finish();
        assert_eq!(joined.reason, "bad; worse");
        assert_eq!(joined.because, [EntryRef::new(0, 2), EntryRef::new(0, 3)]);
        assert_eq!(joined.since, Some(Moment::utc(2)));
        assert_eq!(joined.valid_until, None);
        let mut good = Several::of(Scope::Fleet);
        good.add(one(Verdict::Pass, "good", 1));
        good.add(one(Verdict::Pass, "fine", 2));
        assert_eq!(good.finish().valid_until, Some(Moment::utc(101)));
    }
}
