//! Runs one test again in a process of another kind.

use std::process::Command;

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs the ignored test `name` under a shell prefix such as `ulimit -n 256; exec`.
#[track_caller]
pub(crate) fn run_in_shell(prefix: &str, name: &str) {
    let program = std::env::current_exe().unwrap();
    let line = format!("{prefix} \"$0\" --exact {name} --ignored --nocapture --test-threads=1");
    check(Command::new("sh").arg("-c").arg(line).arg(program));
}

/// Runs the ignored test `name` as an ordinary user.
#[track_caller]
pub(crate) fn run_as_nobody(name: &str) {
    let program = std::env::current_exe().unwrap();
    let arguments = [
        "--exact",
        name,
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ];
    if !is_root() {
        return check(Command::new(program).args(arguments));
    }
    // The program may lie where nobody else may go.
    let copy = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir();
    let copy = copy.unwrap();
    let exe = copy.path().join("it");
    std::fs::copy(program, &exe).unwrap();
    check(
        Command::new("setpriv")
            .args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--inh-caps=-all",
                "--",
            ])
            .arg(exe)
            .args(arguments)
            .current_dir("/"),
    );
}

#[track_caller]
fn check(command: &mut Command) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}
