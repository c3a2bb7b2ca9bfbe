//! The environment of the process, for who wants stores to know it.

use std::io;
use std::path::Path;

use strongroom_store::Environment;

/// The variables of the process and the files of the machine.
///
/// Nothing reads them unless it is given this: it is for programs whose users expect `AWS_ACCESS_KEY_ID` and `~/.aws/credentials` to be
/// heeded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is one environment")]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is what an embedder hands in to say that the process's variables count"
    )]
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}
