//! Runs seeds of the simulated world: `sim --seeds A..B [--jobs N] [--profile NAME] [--go-on]`, or one: `sim --trace SEED`.

use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use strongroom_sim::{Outcome, Profile, Simulator};

const USAGE: &str = "usage: sim --seeds A..B [--jobs N] [--profile NAME] [--go-on] | sim --trace SEED [--profile NAME]";

/// What is asked for.
struct Arguments {
    seeds: Range<u64>,
    jobs: u64,
    profile: Option<Profile>,
    trace: bool,
    goes_on: bool,
}

fn main() -> ExitCode {
    let Some(arguments) = parse(std::env::args().skip(1)) else {
        say(USAGE);
        return ExitCode::from(2);
    };
    // Panics of clients are findings, and told as such.
    std::panic::set_hook(Box::new(|_| {}));
    if arguments.trace {
        return trace(&arguments);
    }
    let run = Run {
        arguments,
        started: Instant::now(),
        next: AtomicU64::new(0),
        steps: AtomicU64::new(0),
        failures: AtomicU64::new(0),
    };
    std::thread::scope(|scope| {
        for _ in 0..run.arguments.jobs {
            scope.spawn(|| run.work());
        }
    });
    run.report();
    match run.failures.load(Ordering::Relaxed) {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Many seeds.
struct Run {
    arguments: Arguments,
    started: Instant,
    /// Seeds taken.
    next: AtomicU64,
    steps: AtomicU64,
    failures: AtomicU64,
}

impl Run {
    /// Takes seeds until there are none left, or one fails.
    fn work(&self) {
        let Arguments {
            seeds,
            profile,
            goes_on,
            ..
        } = &self.arguments;
        let mut simulator = Simulator::new(Some(scratch()));
        while *goes_on || self.failures.load(Ordering::Relaxed) == 0 {
            let seed = seeds.start + self.next.fetch_add(1, Ordering::Relaxed);
            if !seeds.contains(&seed) {
                break;
            }
            let outcome = simulator.run(seed, *profile);
            self.steps.fetch_add(outcome.steps, Ordering::Relaxed);
            if outcome.violations.is_empty() {
                continue;
            }
            let is_first = self.failures.fetch_add(1, Ordering::Relaxed) == 0;
            if *goes_on {
                say(&outcome.to_string());
            } else if is_first {
                say(&run_with_events(seed, *profile).to_string());
            }
        }
    }

    fn report(&self) {
        let all = self.arguments.seeds.end - self.arguments.seeds.start;
        let seeds = self.next.load(Ordering::Relaxed).min(all);
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = seeds as f64 / seconds.max(0.001);
        let steps = self.steps.load(Ordering::Relaxed);
        let failures = self.failures.load(Ordering::Relaxed);
        say(&format!(
            "{seeds} seeds in {seconds:.1} s ({rate:.0} a second), {steps} calls, {failures} seeds failed"
        ));
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut arguments = Arguments {
        seeds: 0..0,
        jobs: 1,
        profile: None,
        trace: false,
        goes_on: false,
    };
    while let Some(word) = words.next() {
        if word == "--go-on" {
            arguments.goes_on = true;
            continue;
        }
        let value = words.next()?;
        match word.as_str() {
            "--seeds" => {
                let (from, to) = value.split_once("..")?;
                arguments.seeds = from.parse().ok()?..to.parse().ok()?;
            }
            "--jobs" => arguments.jobs = value.parse().ok()?,
            "--profile" => arguments.profile = Some(Profile::parse(&value)?),
            "--trace" => {
                let seed = value.parse().ok()?;
                arguments.seeds = seed..seed + 1;
                arguments.trace = true;
            }
            _ => return None,
        }
    }
    (!arguments.seeds.is_empty() && arguments.jobs > 0).then_some(arguments)
}

fn trace(arguments: &Arguments) -> ExitCode {
    let outcome = run_with_events(arguments.seeds.start, arguments.profile);
    say(&outcome.to_string());
    match outcome.violations.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Runs a seed and keeps what happened.
fn run_with_events(seed: u64, profile: Option<Profile>) -> Outcome {
    let scratch = scratch().join("again");
    Simulator::new(Some(scratch))
        .with_events()
        .run(seed, profile)
}

/// A folder in memory where there is one.
fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    };
    folder.join(format!("strongroom-sim-{}", std::process::id()))
}

#[expect(clippy::print_stdout, reason = "a program may print")]
fn say(text: &str) {
    println!("{text}");
}
