//! Many clients on one repository at once, some of which are killed or sleep, and the proof that nothing was lost.

mod chance;
mod cleanup;
mod crew;
mod diary;
mod fingerprint;
mod folder;
mod forget;
mod place;
mod proof;
mod tally;
mod upkeep;
mod worker;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use strongroom::blocking::Repository;
use strongroom::{Argon2Params, CreateOptions, Credential};

use self::chance::Chance;
use self::crew::{Crew, Ended, Launch, Rules, pause};
pub use self::place::PlaceArgs;
use self::proof::Proof;
use self::tally::Tally;
pub use self::worker::WorkerArgs;
use crate::exit::{Status, Usage};
use crate::known::generated_passphrase;
use crate::output::Output;
use crate::secret::given_secret;

/// How many clients there are, for how long, and what happens to them.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct FleetArgs {
    /// Where the new repository is to be: a folder that is empty or not there, or a URL as for the other programs, with its credentials
    /// in the environment.
    #[arg(long, value_name = "URL")]
    pub repo: OsString,
    /// How long one attempt at a request that moves nothing may take [default: what the library does].
    #[arg(long, value_name = "SECONDS")]
    pub attempt: Option<f64>,
    /// The store may be out of reach for longer than requests are tried again: an operation that ends for that is counted, and is no
    /// failure.
    #[arg(long)]
    pub unreliable: bool,
    /// Where the proof finds the repository, if it is to go another way than the clients.
    #[arg(long, value_name = "URL")]
    pub prove_at: Option<OsString>,
    /// Clients at a time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=256))]
    pub processes: u64,
    /// How long they work.
    #[arg(long, value_name = "MINUTES", default_value_t = 10.0)]
    pub minutes: f64,
    /// Decides what the clients do and when they are killed [default: random].
    #[arg(long)]
    pub seed: Option<u64>,
    /// Share of the processes that is killed with SIGKILL in each period, and begun again.
    #[arg(long, value_name = "SHARE", default_value_t = 0.33)]
    pub kill_share: f64,
    /// Share of the processes that is stopped with SIGSTOP in each period, for up to two and a half periods.
    #[arg(long, value_name = "SHARE", default_value_t = 0.15)]
    pub stop_share: f64,
    /// Length of a period [default: an eighth of the time, at most six seconds].
    #[arg(long, value_name = "SECONDS")]
    pub period: Option<f64>,
    /// Threads of this process instead of processes; nobody is killed or stopped.
    #[arg(long)]
    pub threads_only: bool,
    /// Folder for what the clients back up, their caches and their diaries [default: a temporary one, kept if something failed].
    #[arg(long, value_name = "DIR")]
    pub work: Option<PathBuf>,
    /// Write one JSON object per line, for machines.
    #[arg(long)]
    pub json: bool,
}

/// Failures that people are shown; machines get all.
const MAX_SHOWN: usize = 20;

/// What is the same for the whole run.
struct Fleet<'a> {
    args: &'a FleetArgs,
    place: PlaceArgs,
    output: &'a Output,
    seed: u64,
    password: String,
    work: PathBuf,
}

/// Runs a fleet and proves every snapshot. The password of the repository is in the variable `STRONGROOM_PASSWORD`, or made up
/// and printed.
///
/// # Errors
///
/// When something did not hold, or the system failed.
pub fn run(args: &FleetArgs, output: &Output) -> anyhow::Result<Status> {
    let time = Duration::try_from_secs_f64(args.minutes * 60.0)
        .map_err(|error| Usage(format!("--minutes: {error}")))?;
    let temporary = match &args.work {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("fleet").tempdir()?),
    };
    let work = temporary.as_ref().map(tempfile::TempDir::path);
    let fleet = Fleet {
        args,
        place: PlaceArgs {
            repo: args.repo.clone(),
            attempt: args.attempt,
            unreliable: args.unreliable,
        },
        output,
        seed: args.seed.map_or_else(random_seed, Ok)?,
        password: match given_secret(None)? {
            Some(password) => password,
            None => generated_passphrase()?,
        },
        work: args
            .work
            .as_deref()
            .or(work)
            .context("no work folder")?
            .to_owned(),
    };
    std::fs::create_dir_all(&fleet.work)?;
    let result = fleet.run(time);
    if let (Err(_), Some(temporary)) = (&result, temporary) {
        let kept = temporary.keep();
        output.complain(&format!("diaries and folders are in {}", kept.display()));
    }
    result
}

/// Is one of the processes of a fleet, until its standard input ends.
///
/// # Errors
///
/// When it cannot go on.
pub fn work(args: &WorkerArgs, place: &PlaceArgs) -> anyhow::Result<()> {
    let ends = std::sync::Arc::new(AtomicBool::new(false));
    let seen = ends.clone();
    std::thread::spawn(move || {
        // Nothing is ever written to it: this returns when the other end is closed.
        drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
        seen.store(true, Ordering::Relaxed);
    });
    let password = given_secret(None)?.context("no password for the worker")?;
    worker::work(args, place, &password, &ends)
}

impl Fleet<'_> {
    fn run(&self, time: Duration) -> anyhow::Result<Status> {
        self.create()?;
        let began = Instant::now();
        let ended = if self.args.threads_only {
            self.run_threads(began + time)
        } else {
            self.run_processes(time, began + time)?
        };
        let mut tally = Tally::default();
        for worker in self.workers() {
            tally.read(&worker.diary())?;
        }
        for failure in &ended.failures {
            tally.fail(failure.clone());
        }
        let worked = began.elapsed();
        let mut place = self.place.clone();
        if let Some(url) = &self.args.prove_at {
            place.repo.clone_from(url);
        }
        let proof = Proof::of(&place, &self.password, &self.work, &tally)?;
        self.report(&ended, &tally, &proof, worked)
    }

    fn create(&self) -> anyhow::Result<()> {
        let options = CreateOptions::default()
            .with_argon2(Argon2Params::FASTEST)
            .with_recovery_code(false);
        Repository::builder(self.place.create()?)
            .create(options, &Credential::passphrase(&self.password))?;
        let (password, seed) = (&self.password, self.seed);
        let _ = self
            .output
            .json(|| json!({ "type": "begun", "seed": seed, "password": password }));
        let _ = self
            .output
            .line(&format!("seed {seed}, password {password}"));
        Ok(())
    }

    fn workers(&self) -> impl Iterator<Item = WorkerArgs> {
        (0..self.args.processes).map(|number| WorkerArgs {
            work: self.work.clone(),
            number,
            incarnation: 0,
            seed: self.seed,
        })
    }

    fn run_processes(&self, time: Duration, end: Instant) -> anyhow::Result<Ended> {
        let period = match self.args.period {
            Some(seconds) => Duration::try_from_secs_f64(seconds)
                .map_err(|error| Usage(format!("--period: {error}")))?,
            None => (time / 8).min(Duration::from_secs(6)),
        };
        let rules = Rules {
            period,
            kill_share: self.args.kill_share,
            stop_share: self.args.stop_share,
        };
        let launch = Launch {
            place: &self.place,
            password: &self.password,
        };
        let chance = Chance::of(&[self.seed, u64::MAX]);
        let began = Instant::now();
        let mut crew = Crew::begin(launch, rules, self.workers().collect(), chance)?;
        crew.run(end, |ended| self.say_progress(began.elapsed(), ended))?;
        Ok(crew.finish())
    }

    fn say_progress(&self, time: Duration, ended: &Ended) {
        let (seconds, kills, stops) = (time.as_secs(), ended.kills, ended.stops);
        let _ = self.output.json(
            || json!({ "type": "progress", "seconds": seconds, "kills": kills, "stops": stops }),
        );
        let _ = self.output.line(&format!(
            "{seconds:>6} s: {kills} killed, {stops} stopped for a while"
        ));
    }

    fn run_threads(&self, end: Instant) -> Ended {
        let ends = AtomicBool::new(false);
        let failures = std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .workers()
                .map(|args| {
                    let ends = &ends;
                    scope.spawn(move || worker::work(&args, &self.place, &self.password, ends))
                })
                .collect();
            pause(end.saturating_duration_since(Instant::now()));
            ends.store(true, Ordering::Relaxed);
            let ended = threads.into_iter().map(|thread| match thread.join() {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(format!("{error:#}")),
                Err(_) => Some("a worker panicked".to_owned()),
            });
            ended.flatten().collect()
        });
        Ended {
            failures,
            ..Ended::default()
        }
    }

    fn report(
        &self,
        ended: &Ended,
        tally: &Tally,
        proof: &Proof,
        worked: Duration,
    ) -> anyhow::Result<Status> {
        let named = |(what, count): (&String, &u64)| (what.replace(' ', "_"), *count);
        let counts: BTreeMap<String, u64> = tally.counts.iter().map(named).collect();
        let requests = &tally.requests;
        let failures: Vec<&String> = tally.failures.iter().chain(&proof.failures).collect();
        let _ = self.output.json(|| {
            json!({
                "type": "result",
                "seed": self.seed,
                "held": failures.is_empty(),
                "processes": self.args.processes,
                "seconds": worked.as_secs_f64(),
                "kills": ended.kills,
                "stops": ended.stops,
                "acknowledged": tally.fates.values().filter(|fate| fate.is_acknowledged()).count(),
                "given_up": tally.fates.values().filter(|fate| fate.is_given_up()).count(),
                "counts": counts,
                "requests": requests,
                "torn_diary_lines": tally.torn,
                "proof": proof.object(),
                "failures": failures,
            })
        });
        let _ = self.output.line(&format!(
            "{} clients, {:.0} s: {} killed, {} stopped for a while",
            self.args.processes,
            worked.as_secs_f64(),
            ended.kills,
            ended.stops
        ));
        for (what, count) in &tally.counts {
            let _ = self.output.line(&format!("{count:>8} {what}"));
        }
        for (kind, count) in requests {
            let _ = self
                .output
                .line(&format!("{count:>8} requests of clients: {kind}"));
        }
        proof.print(self.output);
        for failure in failures.iter().take(MAX_SHOWN) {
            self.output.complain(&format!("FAILED {failure}"));
        }
        if failures.is_empty() {
            let _ = self.output.line("everything held");
            Ok(Status::Complete)
        } else {
            anyhow::bail!("{} things did not hold; seed {}", failures.len(), self.seed)
        }
    }
}

fn random_seed() -> anyhow::Result<u64> {
    use strongroom::Random as _;

    let mut bytes = [0; 8];
    strongroom::SystemRandom.fill(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}
