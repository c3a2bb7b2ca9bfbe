//! Do files have the checksums that they had?

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path};

use ring::digest::{Context, SHA256};

use super::{Differences, Outcome, Scene, Validator};
use crate::captured::{Captured, CapturedError, Kind};
use crate::stop::Stop;

/// Computes the checksums of files again, and compares them with those that were captured at backup, or that a file of the backup
/// lists, such as one that `sha256sum` wrote.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Checksums {
    list: Option<String>,
}

impl Checksums {
    /// Compares with what was captured.
    #[must_use]
    pub fn captured() -> Self {
        Self::default()
    }

    /// Compares with what `path`, a file of the backup, lists as `sha256sum` does; names in it are relative to its own folder.
    #[must_use]
    pub fn listed_in(path: impl Into<String>) -> Self {
        let list = Some(path.into());
        Self { list }
    }

    fn expected(&self, root: &Path, captured: &Captured) -> Result<Captured, Outcome> {
        let Some(list) = &self.list else {
            return Ok(captured.clone());
        };
        if !is_inside(list) {
            return Err(Outcome::skipped(
                "list-outside",
                "the list is not in the backup",
            ));
        }
        let text = std::fs::read_to_string(root.join(list));
        let text =
            text.map_err(|error| Outcome::failed("list-missing", format!("{list}: {error}")))?;
        let bad = |error: CapturedError| Outcome::failed("list-damaged", error.to_string());
        let listed = Captured::parse_checksums(Kind::Sha256, &text).map_err(bad)?;
        let folder = list.rsplit_once('/').map_or("", |(folder, _)| folder);
        let all = listed.iter(Kind::Sha256);
        Ok(all.fold(Captured::new(), |all, (path, sum)| {
            let path = match folder {
                "" => path.to_owned(),
                folder => format!("{folder}/{path}"),
            };
            all.with(Kind::Sha256, path, sum)
        }))
    }
}

impl Validator for Checksums {
    fn name(&self) -> &str {
        "checksums"
    }

    fn validate(&self, scene: &Scene<'_>, stop: &Stop) -> Outcome {
        let Some(root) = scene.connection.directory.as_deref() else {
            return Outcome::skipped("no-files", "this sandbox shows no files");
        };
        let expected = match self.expected(root, scene.captured) {
            Ok(expected) => expected,
            Err(outcome) => return outcome,
        };
        let mut differences = Differences::default();
        let mut count = 0_u64;
        for kind in [Kind::Sha256, Kind::Blake3] {
            for (path, sum) in expected.iter(kind) {
                count += 1;
                if !is_inside(path) {
                    differences.add("checksum-outside", format!("{path} is not in the backup"));
                    continue;
                }
                match sum_of(kind, &root.join(path), stop) {
                    Ok(is) if is.eq_ignore_ascii_case(sum) => {}
                    Ok(_) => {
                        differences.add("checksum-differs", format!("{path} has another checksum"));
                    }
                    Err(error) => match stop.check() {
                        Ok(()) => differences.add("checksum-unread", format!("{path}: {error}")),
                        Err(stopped) => return stopped.into(),
                    },
                }
            }
        }
        if count == 0 {
            return Outcome::skipped("nothing-captured", "no checksum was captured at backup");
        }
        differences.outcome(format!("{count} checksums are as captured"))
    }
}

/// Says whether a path leads nowhere but down.
fn is_inside(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    !path.is_empty() && parts.all(|part| matches!(part, Component::Normal(_)))
}

fn sum_of(kind: Kind, path: &Path, stop: &Stop) -> io::Result<String> {
    // A link could lead out of the sandbox.
    if !std::fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 256 << 10];
    let (mut sha256, mut blake3) = (Context::new(&SHA256), blake3::Hasher::new());
    loop {
        stop.check().map_err(io::Error::other)?;
        let count = file.read(&mut buffer)?;
        let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else {
            break;
        };
        match kind {
            Kind::Blake3 => drop(blake3.update(piece)),
            _ => sha256.update(piece),
        }
    }
    let hexadecimal = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(match kind {
        Kind::Blake3 => hexadecimal(blake3.finalize().as_bytes()),
        _ => hexadecimal(sha256.finish().as_ref()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        let sum = |kind| sum_of(kind, &path, &Stop::never()).unwrap();
        // FIPS 180-4, and the test vectors of BLAKE3.
        assert!(sum(Kind::Sha256).starts_with("ba7816bf8f01cfea414140de5dae2223"));
        assert!(sum(Kind::Blake3).starts_with("6437b3ac38465133ffb63b75273a8db5"));
    }

    #[test]
    fn no_path_leads_out_of_the_sandbox() {
        for path in ["/etc/passwd", "../a", "a/../../b", ""] {
            assert!(!is_inside(path), "{path}");
        }
        assert!(is_inside("a/b c"));
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        assert!(sum_of(Kind::Sha256, &link, &Stop::never()).is_err());
    }
}
