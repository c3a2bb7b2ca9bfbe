//! Runs seeds of the simulated world: `sim --seeds A..B [--jobs N] [--profile NAME] [--trace SEED]`.

use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use strongroom_sim::{Outcome, Profile, Simulator};

const USAGE: &str =
    "usage: sim --seeds A..B [--jobs N] [--profile NAME] | sim --trace SEED [--profile NAME]";

/// What is asked for.
struct Arguments {
    seeds: Range<u64>,
    jobs: u64,
    profile: Option<Profile>,
    trace: bool,
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
    let started = Instant::now();
    let next = AtomicU64::new(arguments.seeds.start);
    let (is_over, steps) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs {
            scope.spawn(|| {
                let mut simulator = Simulator::new(Some(scratch()));
                while !is_over.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= arguments.seeds.end {
                        break;
                    }
                    let outcome = simulator.run(seed, arguments.profile);
                    steps.fetch_add(outcome.steps, Ordering::Relaxed);
                    if !outcome.violations.is_empty() && !is_over.swap(true, Ordering::Relaxed) {
                        say(&explain(seed, arguments.profile));
                        report(&started, seed + 1 - arguments.seeds.start, &steps);
                    }
                }
            });
        }
    });
    if is_over.load(Ordering::Relaxed) {
        return ExitCode::FAILURE;
    }
    report(
        &started,
        arguments.seeds.end - arguments.seeds.start,
        &steps,
    );
    ExitCode::SUCCESS
}

fn parse(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut arguments = Arguments {
        seeds: 0..0,
        jobs: 1,
        profile: None,
        trace: false,
    };
    while let Some(word) = words.next() {
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

/// Runs a seed once more, to tell what happened.
fn explain(seed: u64, profile: Option<Profile>) -> String {
    run_with_events(seed, profile).to_string()
}

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

fn report(started: &Instant, seeds: u64, steps: &AtomicU64) {
    let seconds = started.elapsed().as_secs_f64();
    let steps = steps.load(Ordering::Relaxed);
    let rate = seeds as f64 / seconds.max(0.001);
    say(&format!(
        "{seeds} seeds in {seconds:.1} s ({rate:.0} a second), {steps} calls"
    ));
}

#[expect(clippy::print_stdout, reason = "a program may print")]
fn say(text: &str) {
    println!("{text}");
}
