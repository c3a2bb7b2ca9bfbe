//! What programs take of the machine, and how they are paused.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::compare::assert_identical;
use crate::place::Place;
use crate::program::{BACKUP, CHECK, PASSWORD, RESTORE, wait};

/// Every option there is, none of which changes what is done.
const ALL: [&str; 11] = [
    "--memory",
    "256M",
    "--limit-read",
    "1G",
    "--limit-write",
    "1G",
    "--nice",
    "3",
    "--io-priority",
    "idle",
    "--load-guard=100000",
];

#[test]
fn polite_programs_do_the_same() {
    let place = Place::new();
    let source = place.at("source");
    place.run(BACKUP).args(&ALL).arg(&source).expect(0);
    let target = place.at("restored");
    let restore = place.run(RESTORE).args(&ALL).arg("latest");
    restore.arg("--target").arg(&target).expect(0);
    assert_identical(&source, &target);
    place.run(CHECK).args(&ALL).expect(0);
}

#[test]
fn too_little_memory_is_refused_with_the_least() {
    let place = Place::new();
    let backup = place.run(BACKUP).args(&["--memory", "1M"]);
    let ended = backup.arg(place.at("source")).run();
    assert_ne!(ended.status, Some(0));
    assert!(ended.stderr.contains("are the least"), "{}", ended.stderr);
    assert_eq!(place.count_snapshots(), 0);
}

/// Says whether a process catches a signal.
fn catches(process: u32, signal: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
    caught >> (signal - 1) & 1 == 1
}

fn send(signal: &str, process: u32) {
    let mut kill = Command::new("kill");
    let sent = kill.args(["-s", signal, &process.to_string()]).status();
    assert!(sent.unwrap().success());
}

#[test]
fn signals_pause_a_program_and_let_it_go_on() {
    let place = Place::new();
    let mut backup = Command::new(BACKUP);
    backup
        .env("STRONGROOM_PASSWORD", PASSWORD)
        .arg("--repo")
        .arg(place.at("repository"))
        .args(["--no-cache", "--json", "--stdin", "stream"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = backup.spawn().unwrap();
    let process = child.id();
    let begun = Instant::now();
    // USR1 is 10 and USR2 is 12, as Linux has them on most machines.
    while !(catches(process, 10) && catches(process, 12)) {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "no signal is caught"
        );
        std::thread::yield_now();
    }
    send("USR1", process);
    let mut input = child.stdin.take().unwrap();
    // More than a pipe takes: whoever writes it waits until the program goes on.
    let writer = std::thread::spawn(move || input.write_all(&vec![7; 3 << 20]).unwrap());
    assert!(child.try_wait().unwrap().is_none(), "it is there and rests");
    send("USR2", process);
    let ended = wait(child, Duration::from_secs(120));
    writer.join().unwrap();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert_eq!(ended.result()["bytes"], 3 << 20);
}
