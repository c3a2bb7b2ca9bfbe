//! Policies, read from files, and files for schedulers, written.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::json;
use strongroom_policy::{Document, HostFile};

use crate::output::Output;

/// Reads a policy. Whatever is wrong with it is said, each with its place.
///
/// # Errors
///
/// The file cannot be read, or is no policy.
pub fn read(file: &Path, output: &Output) -> anyhow::Result<Document> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    match Document::parse(&text) {
        Ok(document) => Ok(document),
        Err(error) => {
            for problem in error.problems() {
                output.complain(&format!("{}:{problem}", file.display()));
                let _ = output.json(|| json!({ "type": "problem", "problem": problem }));
            }
            bail!("{} is no policy", file.display());
        }
    }
}

/// Writes files into a folder, which is made if it is not there.
///
/// # Errors
///
/// A file cannot be written.
pub fn write_files(folder: &Path, files: &[HostFile]) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for file in files {
        let path = folder.join(&file.name);
        fs::write(&path, &file.content).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
