//! Results: one JSON object a line.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

/// Appends records to a file.
#[derive(Debug)]
pub(crate) struct Records {
    file: File,
    path: PathBuf,
}

impl Records {
    /// Opens a file for more records.
    pub(crate) fn append_to(path: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path);
        Ok(Self {
            file: file.with_context(|| path.display().to_string())?,
            path: path.to_owned(),
        })
    }

    /// Appends a record.
    pub(crate) fn write(&mut self, record: &Value) -> anyhow::Result<()> {
        writeln!(self.file, "{record}").with_context(|| self.path.display().to_string())
    }
}

/// Returns a record with the fields of another as well.
pub(crate) fn joined(mut record: Value, more: Value) -> Value {
    if let (Some(fields), Value::Object(more)) = (record.as_object_mut(), more) {
        fields.extend(more);
    }
    record
}

/// Reads the records of files, one after another.
pub(crate) fn read_all(paths: &[PathBuf]) -> anyhow::Result<Vec<Value>> {
    let mut records = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        for (number, line) in text.lines().enumerate() {
            let at = || format!("{}, line {}", path.display(), number + 1);
            records.push(serde_json::from_str(line).with_context(at)?);
        }
    }
    Ok(records)
}
