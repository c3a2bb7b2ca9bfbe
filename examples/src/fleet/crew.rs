//! The processes of a fleet: begun, killed, begun again, stopped and woken, at random moments.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use rustix::process::{Pid, Signal, kill_process};

use super::chance::Chance;
use super::place::PlaceArgs;
use super::worker::WorkerArgs;

/// How often it is looked whether something is due.
const TICK: Duration = Duration::from_millis(10);

/// How long a worker may take to end when it was asked to.
const PATIENCE: Duration = Duration::from_secs(300);

/// What happens to processes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Every process is given a fate once in this time.
    pub(super) period: Duration,
    /// The share of them that is killed.
    pub(super) kill_share: f64,
    /// The share of them that is stopped for a while.
    pub(super) stop_share: f64,
}

/// How a worker is begun.
#[derive(Debug)]
pub(super) struct Launch<'a> {
    pub(super) place: &'a PlaceArgs,
    pub(super) password: &'a str,
}

/// All processes.
#[derive(Debug)]
pub(super) struct Crew<'a> {
    launch: Launch<'a>,
    rules: Rules,
    members: Vec<Member>,
    chance: Chance,
    ended: Ended,
}

/// What became of the clients.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// Those that were killed.
    pub(super) kills: u64,
    /// Those that were stopped for a while.
    pub(super) stops: u64,
    /// Those that ended without having been asked to, or not as asked.
    pub(super) failures: Vec<String>,
}

#[derive(Debug)]
struct Member {
    args: WorkerArgs,
    is: Is,
    /// What becomes of it in this period.
    fate: Option<(Instant, Fate)>,
}

#[derive(Debug)]
enum Is {
    Running(Child),
    Stopped(Child, Instant),
    Dead(Instant),
    Gone,
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    Killed,
    Stopped(Duration),
}

impl<'a> Crew<'a> {
    /// Begins the processes.
    pub(super) fn begin(
        launch: Launch<'a>,
        rules: Rules,
        workers: Vec<WorkerArgs>,
        chance: Chance,
    ) -> anyhow::Result<Self> {
        let members = workers
            .into_iter()
            .map(|args| {
                let child = launch.begin(&args)?;
                Ok(Member {
                    args,
                    is: Is::Running(child),
                    fate: None,
                })
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            launch,
            rules,
            members,
            chance,
            ended: Ended::default(),
        })
    }

    /// Lets them work until `end`; calls `each_period` once in a period.
    pub(super) fn run(
        &mut self,
        end: Instant,
        mut each_period: impl FnMut(&Ended),
    ) -> anyhow::Result<()> {
        let mut next_period = Instant::now();
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            if now >= next_period {
                each_period(&self.ended);
                self.deal_fates(now);
                next_period = now + self.rules.period;
            }
            for at in 0..self.members.len() {
                self.step(at, now)?;
            }
            pause(TICK);
        }
    }

    /// Wakes all, asks all to end, and waits for them.
    pub(super) fn finish(mut self) -> Ended {
        for member in &mut self.members {
            member.is = match std::mem::replace(&mut member.is, Is::Gone) {
                Is::Running(child) => asked_to_end(child),
                Is::Stopped(child, _) => match signal(&child, Signal::CONT) {
                    Ok(()) => asked_to_end(child),
                    Err(error) => {
                        self.ended.failures.push(format!("{error:#}"));
                        Is::Gone
                    }
                },
                Is::Dead(_) | Is::Gone => Is::Gone,
            };
        }
        let end = Instant::now() + PATIENCE;
        for member in &mut self.members {
            if let Is::Running(child) = &mut member.is
                && let Err(error) = ended_well(child, end)
            {
                let name = member.args.number;
                self.ended
                    .failures
                    .push(format!("worker-{name}: {error:#}"));
            }
        }
        std::mem::take(&mut self.ended)
    }

    fn deal_fates(&mut self, now: Instant) {
        for member in &mut self.members {
            let moment = now + self.rules.period.mul_f64(self.chance.share());
            let drawn = self.chance.share();
            member.fate = if drawn < self.rules.kill_share {
                Some((moment, Fate::Killed))
            } else if drawn < self.rules.kill_share + self.rules.stop_share {
                let sleep = self.rules.period.mul_f64(2.5 * self.chance.share());
                Some((moment, Fate::Stopped(sleep)))
            } else {
                None
            };
        }
    }

    fn step(&mut self, at: usize, now: Instant) -> anyhow::Result<()> {
        let Some(member) = self.members.get_mut(at) else {
            return Ok(());
        };
        let fate = member.fate.take_if(|(moment, _)| *moment <= now);
        member.is = match (std::mem::replace(&mut member.is, Is::Gone), fate) {
            // Some of those that sleep never wake.
            (Is::Running(child) | Is::Stopped(child, _), Some((_, Fate::Killed))) => {
                if is_killed(child)? {
                    self.ended.kills += 1;
                }
                Is::Dead(now + Duration::from_millis(self.chance.below(500)))
            }
            (Is::Running(child), Some((_, Fate::Stopped(sleep)))) => {
                signal(&child, Signal::STOP)?;
                self.ended.stops += 1;
                Is::Stopped(child, now + sleep)
            }
            (Is::Stopped(child, until), _) if until <= now => {
                signal(&child, Signal::CONT)?;
                Is::Running(child)
            }
            (Is::Running(mut child), None) => match child.try_wait()? {
                None => Is::Running(child),
                Some(status) => {
                    let name = member.args.number;
                    self.ended
                        .failures
                        .push(format!("worker-{name}: ended by itself: {status}"));
                    Is::Gone
                }
            },
            (Is::Dead(until), _) if until <= now => {
                member.args.incarnation += 1;
                Is::Running(self.launch.begin(&member.args)?)
            }
            (is, _) => is,
        };
        Ok(())
    }
}

/// Whoever ends early takes everybody along.
impl Drop for Crew<'_> {
    fn drop(&mut self) {
        for member in &mut self.members {
            if let Is::Running(child) | Is::Stopped(child, _) = &mut member.is {
                drop(child.kill());
                drop(child.wait());
            }
        }
    }
}

impl Launch<'_> {
    /// Begins a process. It ends when its standard input does, so it never outlives this one for long.
    fn begin(&self, worker: &WorkerArgs) -> anyhow::Result<Child> {
        let program = std::env::current_exe().context("this program's own path")?;
        Command::new(program)
            .arg("worker")
            .args(self.place.options())
            .arg("--work")
            .arg(&worker.work)
            .args(["--number", &worker.number.to_string()])
            .args(["--incarnation", &worker.incarnation.to_string()])
            .args(["--seed", &worker.seed.to_string()])
            .env("STRONGROOM_PASSWORD", self.password)
            .env_remove("STRONGROOM_REPOSITORY")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("a worker cannot be begun")
    }
}

/// Kills a process and waits for its end. Says whether it was still there.
fn is_killed(mut child: Child) -> anyhow::Result<bool> {
    child.kill()?;
    Ok(child.wait()?.code().is_none())
}

fn signal(child: &Child, signal: Signal) -> anyhow::Result<()> {
    kill_process(Pid::from_child(child), signal).context("a worker cannot be signalled")
}

fn asked_to_end(mut child: Child) -> Is {
    drop(child.stdin.take());
    Is::Running(child)
}

fn ended_well(child: &mut Child, end: Instant) -> anyhow::Result<()> {
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Err(anyhow!("it did not end"));
        }
        pause(TICK);
    };
    said_well(status)
}

fn said_well(status: ExitStatus) -> anyhow::Result<()> {
    if status.success() {
        Ok(())
    } else {
        Err(anyhow!("it failed: {status}"))
    }
}

/// Waits for a while.
#[expect(
    clippy::disallowed_methods,
    reason = "processes are real, and so is their time"
)]
pub(super) fn pause(time: Duration) {
    std::thread::sleep(time);
}
