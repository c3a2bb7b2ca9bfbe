//! Restoring from cold storage: the plan, and waiting until what it needs is ready.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use strongroom::blocking::Repository;
use strongroom::{
    Cold, CommandWarmer, Id, ProcessEnvironment, RestoreOptions, RestorePlan, Stores,
    WarmUpOptions, WarmUpReport, Warmer, Warmth,
};

use crate::exit::Status;
use crate::limit::age;
use crate::output::Output;
use crate::progress::Watch;
use crate::repository::RepositoryArgs;

/// What is said of cold storage.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct WarmArgs {
    /// Show what a restore into an empty directory needs of the store: packs, bytes, requests, and which packs are cold. Restores nothing.
    #[arg(long)]
    pub plan: bool,
    /// Bring what is cold out of cold storage before restoring: `s3` for the call of the service that the repository is in, else a shell
    /// command that gets the names of the objects on its standard input.
    #[arg(long, value_name = "COMMAND|s3")]
    pub warm: Option<String>,
    /// How long to wait until everything is ready. What is asked for goes on warming up; run it again to go on waiting.
    #[arg(long, value_name = "DURATION", value_parser = age, default_value = "2d", requires = "warm")]
    pub wait: Duration,
    /// Leave out files whose content is still cold, and restore all others.
    #[arg(long)]
    pub leave_cold: bool,
}

impl WarmArgs {
    /// Returns what becomes of files whose content is cold.
    #[must_use]
    pub fn cold(&self) -> Cold {
        match self.leave_cold {
            true => Cold::LeaveOut,
            false => Cold::Stop,
        }
    }

    /// Shows the plan if it was asked for, and warms up what is cold if that was. `None` when the restore may begin.
    ///
    /// # Errors
    ///
    /// What the store, the command or the repository said.
    pub fn prepare(
        &self,
        (arguments, output): (&RepositoryArgs, &Arc<Output>),
        repository: &Repository,
        snapshot: &Id,
        options: &RestoreOptions,
    ) -> anyhow::Result<Option<Status>> {
        if !self.plan && self.warm.is_none() {
            return Ok(None);
        }
        let warmer = self.warmer(arguments)?;
        let watch = Watch::new(output);
        let plan =
            repository.plan_restore(snapshot, options.clone(), warmer.clone(), watch.clone());
        watch.end();
        let plan = plan?;
        if self.plan {
            show(output, &plan);
            return Ok(Some(Status::complete(plan.lost == 0)));
        }
        let Some(warmer) = warmer else {
            return Ok(None);
        };
        let options = WarmUpOptions::default().with_patience(self.wait);
        let report = repository.warm_up(plan.keys(), warmer, options, watch.clone());
        watch.end();
        ended(output, report?, self.leave_cold)
    }

    fn warmer(&self, arguments: &RepositoryArgs) -> anyhow::Result<Option<Arc<dyn Warmer>>> {
        Ok(match self.warm.as_deref() {
            None => None,
            Some("s3") => {
                let stores = Stores::new().with_environment(ProcessEnvironment);
                Some(stores.warmer(&arguments.repo)?)
            }
            Some(command) => {
                let argv = ["sh", "-c", command];
                Some(Arc::new(CommandWarmer::new(argv, arguments.store()?)?))
            }
        })
    }
}

/// Shows a plan.
fn show(output: &Output, plan: &RestorePlan) {
    let _ = output.line(&plan.to_string());
    let packs = plan.packs.iter().map(|pack| {
        json!({
            "object": pack.object,
            "len": pack.len,
            "bytes": pack.bytes,
            "requests": pack.requests,
            "state": pack.warmth.map(word),
        })
    });
    let _ = output.json(|| {
        json!({
            "type": "plan",
            "snapshot": plan.snapshot.to_string(),
            "entries": plan.entries,
            "content_bytes": plan.content_bytes,
            "bytes": plan.bytes(),
            "requests": plan.requests(),
            "cold": plan.cold().count(),
            "lost": plan.lost,
            "packs": packs.collect::<Vec<Value>>(),
        })
    });
}

fn word(warmth: Warmth) -> &'static str {
    match warmth {
        Warmth::Ready { .. } => "ready",
        Warmth::Warming => "warming",
        _ => "cold",
    }
}

/// Says how a warm-up ended. `None` when the restore may begin.
fn ended(output: &Output, report: WarmUpReport, goes_on: bool) -> anyhow::Result<Option<Status>> {
    for key in &report.missing {
        output.complain(&format!("{key}: not in the store"));
    }
    match report.stopped {
        Some(error) if !goes_on => {
            for key in &report.not_ready {
                output.complain(&format!("{key}: not ready"));
            }
            Err(anyhow::Error::from(error).context("not everything is out of cold storage"))
        }
        Some(error) => {
            let error = anyhow::Error::from(error);
            output.complain(&format!(
                "warning: not everything is out of cold storage, and is left out: {error:#}"
            ));
            let _ = output.json(
                || json!({ "type": "warning", "warning": "cold", "message": format!("{error:#}") }),
            );
            Ok(None)
        }
        None => Ok(None),
    }
}
