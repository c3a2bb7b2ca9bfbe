//! Copies to the further repositories that a policy names.

use std::ffi::OsString;

use strongroom::blocking::Repository;
use strongroom::evidence::{Job, RunOutcome};
use strongroom::{CopyOptions, Credential, SnapshotFilter};
use strongroom_policy::{ExpectedRun, Key, Resolved};

use super::told::Told;
use super::{PolicyRun, RunArgs, transport};
use crate::exit::{Status, Usage};
use crate::manners::components;
use crate::progress::Watch;
use crate::secret::secret_of;
use crate::show;

/// The variable that holds the passphrase of the repositories copied to.
const VARIABLE: &str = "STRONGROOM_TO_PASSWORD";

/// What the policy calls the repositories.
#[derive(Debug)]
pub(super) struct Copies {
    /// The one that is written to first.
    pub(super) first: String,
    /// Those that are copied to, and where they are.
    others: Vec<(String, OsString)>,
}

impl Copies {
    /// Finds out which repository of the policy is which.
    ///
    /// # Errors
    ///
    /// [`Usage`] when it cannot be told, or a name is not among those that the resource is to be in.
    pub(super) fn of(arguments: &RunArgs, resolved: &Resolved) -> anyhow::Result<Self> {
        let wanted = resolved.words(Key::CopiesTo);
        let at = |name: &str| arguments.at.iter().any(|(other, _)| other == name);
        let first = match &arguments.name {
            Some(name) => name.clone(),
            None => {
                let mut left = wanted.iter().filter(|name| !at(name));
                match (left.next(), left.next()) {
                    (Some(only), None) => (*only).to_owned(),
                    _ => {
                        let what = "--name says which repository of the policy this is";
                        return Err(Usage(what.to_owned()).into());
                    }
                }
            }
        };
        let named = arguments.at.iter().map(|(name, _)| name).chain([&first]);
        for name in named {
            if !wanted.contains(name.as_str()) {
                let what = format!("the policy keeps no copy of this resource in {name:?}");
                return Err(Usage(what).into());
            }
        }
        let others = arguments.at.clone();
        Ok(Self { first, others })
    }

    /// Copies to each, and records how that went.
    ///
    /// # Errors
    ///
    /// When no record can be begun.
    pub(super) fn copy(
        &self,
        run: &PolicyRun<'_>,
        from: &Repository,
        due: Option<&ExpectedRun>,
    ) -> anyhow::Result<Status> {
        let mut worst = Status::Complete;
        for (name, location) in &self.others {
            let mut notes = run.notes(Job::Copy, due)?;
            notes.run.repository.clone_from(name);
            notes.run.from = Some(self.first.clone());
            notes.run.transport = transport::of(location);
            let mut told = Told::default();
            notes.phase("copy");
            match self.copy_to(run, from, location) {
                Ok(report) => {
                    notes.copied(&report);
                    // How well it went is recorded, and decides below.
                    let _ = show::copy::copied(run.output, location, &report);
                }
                Err(error) => {
                    run.output.complain(&format!("{name}: {error:#}"));
                    told.error(&mut notes, &error);
                }
            }
            if !matches!(
                notes.run.outcome,
                RunOutcome::Ok | RunOutcome::OkWithNotices
            ) {
                worst = Status::Partial;
            }
            run.record(Some(from), notes.finish(), &told);
        }
        Ok(worst)
    }

    fn copy_to(
        &self,
        run: &PolicyRun<'_>,
        from: &Repository,
        location: &OsString,
    ) -> anyhow::Result<strongroom::CopyReport> {
        let settings = run.arguments.repository.settings();
        let store = run.arguments.repository.stores()?.open(location)?;
        let builder = Repository::builder(store).components(components());
        let target = builder.settings(settings).open(&self.credential(run)?)?;
        // What an earlier run could not copy is copied now.
        let series = SnapshotFilter::default().with_series(&run.resource.id);
        let options = CopyOptions::default().with_filter(series);
        let watch = Watch::new(run.output);
        let report = from.copy_to(&target, options, watch.clone());
        watch.end();
        Ok(report?)
    }

    fn credential(&self, run: &PolicyRun<'_>) -> anyhow::Result<Credential> {
        if run.arguments.to_no_password {
            return Ok(Credential::None);
        }
        let file = run.arguments.to_password_file.as_deref();
        if file.is_none() && std::env::var_os(VARIABLE).is_none() {
            return run.arguments.repository.credential();
        }
        Ok(Credential::passphrase(secret_of(
            file,
            VARIABLE,
            "Passphrase of the copies: ",
        )?))
    }
}
