//! What is another than in the snapshot before: unusual changes show in it.

use strongroom::BackupReport;
use strongroom::blocking::Repository;
use strongroom::evidence::RunNotes;
use strongroom_policy::Key;

use super::PolicyRun;
use super::told::Told;

/// Counts changes, and looks at the canaries that the policy names.
pub(super) fn compare(
    run: &PolicyRun<'_>,
    repository: &Repository,
    done: &BackupReport,
    notes: &mut RunNotes,
    told: &mut Told,
) {
    let canaries = run.resolved.words(Key::Canaries);
    if done.parent.is_none() && canaries.is_empty() {
        return;
    }
    notes.phase("compare");
    if let Some(parent) = &done.parent {
        match repository.changes(parent, &done.snapshot) {
            Ok(changes) => notes.changed(&changes),
            // It was forgotten meanwhile, or a page is lost: then nothing was measured. The backup is as good as it was.
            Err(error) => run
                .output
                .complain(&format!("not compared with the last snapshot: {error}")),
        }
    }
    if canaries.is_empty() {
        return;
    }
    let paths = canaries.iter().map(|path| path.as_bytes().to_vec());
    let parent = done.parent.as_ref();
    match repository.canaries(parent, &done.snapshot, paths.collect()) {
        Ok(found) => {
            notes.canaries(&found, parent.is_some());
            let say = |count: u64, what: &str| {
                if count > 0 {
                    run.output.complain(&format!("{count} canaries {what}"));
                }
            };
            say(found.changed, "were changed or deleted");
            say(found.missing, "are not there");
        }
        Err(error) => {
            let what = format!("nobody looked at the canaries: {error}");
            run.output.complain(&what);
            told.notice(notes, "canaries-not-seen", error.class(), &what);
        }
    }
}
