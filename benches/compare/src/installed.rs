//! Which of the programs are there.

use std::path::PathBuf;
use std::process::Command;

use anyhow::bail;

use crate::program::Program;

/// Returns the search path with these folders first, as text and as a list.
#[expect(
    clippy::disallowed_methods,
    reason = "this is a program, and looks where its user's shell looks"
)]
pub(crate) fn search_path(first: &[PathBuf]) -> anyhow::Result<(String, Vec<PathBuf>)> {
    let system = std::env::var("PATH").unwrap_or_default();
    let first: Vec<PathBuf> = first
        .iter()
        .map(|path| path.canonicalize())
        .collect::<Result<_, _>>()?;
    let folders: Vec<PathBuf> = first
        .into_iter()
        .chain(std::env::split_paths(&system))
        .collect();
    let path = std::env::join_paths(&folders)?
        .to_string_lossy()
        .into_owned();
    Ok((path, folders))
}

/// Returns the programs that are asked for, or all that are there, with their versions.
pub(crate) fn chosen(
    names: &[String],
    extra: &[PathBuf],
    folders: &[PathBuf],
    path: &str,
) -> anyhow::Result<Vec<(Program, String)>> {
    let all = Program::all(extra)?;
    if let Some(name) = names
        .iter()
        .find(|name| all.iter().all(|program| program.name != **name))
    {
        bail!("{name}: no such program in the table");
    }
    let mut chosen = Vec::new();
    for program in all {
        let is_named = names.contains(&program.name);
        if !program.is_in(folders) {
            if is_named {
                bail!("{}: not installed", program.name);
            }
        } else if is_named || names.is_empty() {
            let output = Command::new("bash")
                .args(["-c", program.version_command()])
                .env("PATH", path)
                .output()?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let version = text.lines().next().unwrap_or("?").to_owned();
            chosen.push((program, version));
        }
    }
    Ok(chosen)
}
