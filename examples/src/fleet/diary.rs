//! What a worker writes down: before it does what cannot be undone, and after it was told that something is done.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde_json::Value;

/// A file of JSON lines. A line that [`write`](Self::write) returned from outlives the process and the machine.
#[derive(Debug)]
pub(super) struct Diary {
    file: File,
}

impl Diary {
    /// Goes on with a diary, or begins it. A line that a killed process left half written is closed.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)?;
        let mut last = [b'\n'];
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        if last != [b'\n'] {
            file.write_all(b"\n")?;
        }
        Ok(Self { file })
    }

    /// Writes a line, which is given the time, and waits until it is durable.
    pub(super) fn write(&mut self, mut line: Value) -> io::Result<()> {
        if let Some(line) = line.as_object_mut() {
            line.insert("at".to_owned(), since_start().into());
        }
        self.file.write_all(format!("{line}\n").as_bytes())?;
        self.file.sync_data()
    }
}

/// Reads a diary; calls `each` with every whole line. Returns how many were cut short by a kill.
pub(super) fn read(path: &Path, mut each: impl FnMut(&Value)) -> io::Result<u64> {
    let mut torn = 0;
    for line in std::fs::read_to_string(path)?.lines() {
        match serde_json::from_str(line) {
            Ok(value) => each(&value),
            Err(_) => torn += 1,
        }
    }
    Ok(torn)
}

/// Returns the nanoseconds since the machine was started: the one clock that all processes share and nobody sets.
fn since_start() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(now.tv_nsec).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_torn_line_costs_itself_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("diary");
        Diary::open(&path)
            .unwrap()
            .write(json!({ "n": 1 }))
            .unwrap();
        let mut torn = OpenOptions::new().append(true).open(&path).unwrap();
        torn.write_all(b"{\"n\":").unwrap();
        Diary::open(&path)
            .unwrap()
            .write(json!({ "n": 2 }))
            .unwrap();
        let mut seen = Vec::new();
        let torn = read(&path, |line| seen.push(line["n"].as_u64())).unwrap();
        assert_eq!((torn, seen), (1, vec![Some(1), Some(2)]));
    }
}
