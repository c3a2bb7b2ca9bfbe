//! What is recorded of a deletion.

use strongroom_format::Time;
use strongroom_format::record::{Deleted, Record};

use super::{append, new_head};
use crate::context::encode_error;
use crate::delete::{DeletePlan, DeleteReason, DeleteReport, DoomedObject};
use crate::edge::Remote;
use crate::error::Result;
use crate::repository::Repository;

/// Adds up what was deleted of what entries dropped.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    newest: Option<u64>,
    objects: u64,
    bytes: u64,
}

impl Tally {
    /// Counts an object that was deleted.
    pub(crate) fn deleted(&mut self, object: &DoomedObject) {
        if let DeleteReason::Dropped(n) = object.reason {
            self.newest = self.newest.max(Some(n));
            self.objects += 1;
            self.bytes += object.len;
        }
    }

    /// Returns what there is to record; `None` if nothing that an entry dropped was deleted.
    pub(crate) fn fact(self, plan: &DeletePlan, report: &DeleteReport) -> Option<Deleted> {
        let known = plan.locked();
        let until = known.iter().map(|object| object.until).max();
        let left = known.len() + report.locked.len() + report.problems.len();
        Some(Deleted {
            entry: self.newest?,
            objects: self.objects,
            bytes: self.bytes,
            left: left as u64,
            left_until: until.map(|until| Time::new(until, 0)),
            ..Deleted::default()
        })
    }
}

/// Records a deletion, by who has just read the journal.
///
/// # Errors
///
/// Those of appending.
pub(crate) fn record(repository: &Repository, remote: &Remote, fact: &Deleted) -> Result<u64> {
    let mut head = new_head(&repository.context().components)?;
    let policy = repository.journal().state().policy;
    head.policy = policy.map(|(_, hash)| hash);
    let record = Record::new(head, fact.clone().into());
    let evidence = record.to_evidence().map_err(encode_error)?;
    append(repository, remote, &evidence, None)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use futures::executor::block_on;
    use strongroom_format::Body;
    use strongroom_format::record::Fact;

    use crate::testing::{Shape, TestStore, Tree, Writer, forget, repository};
    use crate::{DeleteOptions, DeleteReport, PruneOptions, Repository};

    /// A repository in which all there was has been dropped.
    fn emptied() -> (Arc<TestStore>, Repository) {
        let (store, repository) = repository();
        let tree = Tree::dir([("a", Tree::file(b"content"))]);
        let id = Writer::new(&repository, Shape::default()).snapshot(&tree, "mail");
        forget(&repository, id);
        let options = PruneOptions::default()
            .with_orphan_age(Duration::ZERO)
            .with_session_age(Duration::ZERO);
        let plan = block_on(repository.plan_prune(options, Arc::new(()))).unwrap();
        block_on(repository.prune(plan, Arc::new(()))).unwrap();
        (store, repository)
    }

    fn delete(repository: &Repository, options: DeleteOptions) -> DeleteReport {
        let options = options.with_min_age(Duration::ZERO);
        let plan = block_on(repository.plan_delete(options)).unwrap();
        block_on(repository.delete_dropped(plan, Arc::new(()))).unwrap()
    }

    #[test]
    fn a_deletion_is_recorded_once_with_its_tombstone() {
        let (_, repository) = emptied();
        let report = delete(&repository, DeleteOptions::default().with_record("nas"));
        assert!(report.deleted > 0 && report.problems.is_empty());
        let (events, _) = block_on(repository.events(report.recorded.unwrap())).unwrap();
        let [event] = events.as_slice() else {
            panic!("one record");
        };
        let Some(Fact::Deleted(fact)) = event.record.as_ref().map(|record| &record.fact) else {
            panic!("not of a deletion");
        };
        assert_eq!(
            (fact.repository.as_str(), fact.left, fact.missing),
            ("nas", 0, 0)
        );
        assert_eq!((fact.objects, fact.bytes), (report.deleted, report.bytes));
        let (tombstones, _) = block_on(repository.events(fact.entry)).unwrap();
        assert!(matches!(tombstones[0].body, Body::Tombstone(_)));
        // Nothing is left, and nothing is said of it.
        let report = delete(&repository, DeleteOptions::default().with_record("nas"));
        assert_eq!((report.deleted, report.recorded), (0, None));
    }

    #[test]
    fn a_replica_gets_no_entry_of_its_own() {
        let (_, repository) = emptied();
        let head = repository.journal().state().head;
        let report = delete(&repository, DeleteOptions::default());
        assert_eq!(report.recorded, None);
        assert_eq!(report.fact.unwrap().objects, report.deleted);
        assert_eq!(block_on(repository.events(head)).unwrap().1, head);
    }
}
