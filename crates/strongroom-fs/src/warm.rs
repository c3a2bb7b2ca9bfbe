//! A command that brings objects out of cold storage.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::channel::oneshot;
use strongroom_store::{
    Error, ErrorKind, GetOptions, Key, Result, StorageClass, Store, Warmer, Warmth,
};

/// Runs a command, without a shell, to ask for objects: it gets their keys on its standard input, one on a line, as the repository names
/// them. It ends with success when all are asked for, and does not wait until they are ready. What was asked for before, by an earlier run of this
/// program, may be asked for again.
///
/// Whether an object is ready, the store itself is asked: one byte is read.
#[derive(Debug)]
pub struct CommandWarmer {
    program: OsString,
    arguments: Vec<OsString>,
    store: Arc<dyn Store>,
    asked: Mutex<BTreeSet<Key>>,
}

impl CommandWarmer {
    /// Makes a warmer of `argv` for objects of `store`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when `argv` is empty.
    pub fn new<A: Into<OsString>>(
        argv: impl IntoIterator<Item = A>,
        store: Arc<dyn Store>,
    ) -> std::io::Result<Self> {
        let mut argv = argv.into_iter().map(Into::into);
        let program = argv.next().filter(|program| !program.is_empty());
        let program = program.ok_or_else(|| {
            let what = "a command needs a program";
            std::io::Error::new(std::io::ErrorKind::InvalidInput, what)
        })?;
        Ok(Self {
            program,
            arguments: argv.collect(),
            store,
            asked: Mutex::default(),
        })
    }
}

#[async_trait]
impl Warmer for CommandWarmer {
    async fn warmth(&self, key: &Key) -> Result<Warmth> {
        let options = GetOptions::default()
            .with_range(0..1)
            .with_class(StorageClass::Cold);
        match self.store.get(key, options).await {
            Ok(_) => Ok(Warmth::Ready { until: None }),
            Err(error) if error.kind() == ErrorKind::Archived => {
                let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(match asked.contains(key) {
                    true => Warmth::Warming,
                    false => Warmth::Cold,
                })
            }
            Err(error) => Err(error),
        }
    }

    async fn warm(&self, keys: &[Key]) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        let input: String = keys.iter().flat_map(|key| [key.as_str(), "\n"]).collect();
        let (done, ended) = oneshot::channel();
        // A command may take its time, and this thread may be somebody's runtime.
        std::thread::Builder::new()
            .name("strongroom-warm".to_owned())
            .spawn(move || drop(done.send(run(command, &input))))
            .map_err(|error| failed(error.to_string()))?;
        match ended.await {
            Ok(outcome) => outcome.map_err(failed)?,
            Err(_) => return Err(failed("the thread that ran it has gone".to_owned())),
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.extend(keys.iter().cloned());
        Ok(())
    }
}

/// Runs a command to its end, with this input. An error says what went wrong.
fn run(mut command: Command, input: &str) -> std::result::Result<(), String> {
    let told = |error: std::io::Error| error.to_string();
    let mut child = command.stdin(Stdio::piped()).spawn().map_err(told)?;
    let written = match child.stdin.take() {
        Some(mut stdin) => stdin.write_all(input.as_bytes()),
        None => Ok(()),
    };
    let status = child.wait().map_err(told)?;
    if !status.success() {
        return Err(format!("it ended with {status}"));
    }
    // One that needs no keys need not read them.
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}

fn failed(what: String) -> Error {
    Error::new(ErrorKind::Other, "warm").with_source(format!("the command for it failed: {what}"))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::time::Duration;

    use futures::executor::block_on;
    use strongroom_store::wrap::{Glacial, ManualTime};
    use strongroom_store::{MemoryStore, PutOptions};

    use super::*;

    fn cold() -> (ManualTime, Glacial<MemoryStore>, Key) {
        let time = ManualTime::new();
        let store = Glacial::new(MemoryStore::new(), Duration::from_secs(60), time.clone());
        let key = Key::parse("pack/aa/b").unwrap();
        let options = PutOptions::default().with_class(StorageClass::Cold);
        block_on(store.put(&key, "data".into(), options)).unwrap();
        (time, store, key)
    }

    #[test]
    fn the_command_gets_the_keys_and_the_store_says_what_is_ready() {
        let (time, store, key) = cold();
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("asked");
        let script = format!("cat >> {}", list.display());
        let warmer = CommandWarmer::new(["sh", "-c", &script], Arc::new(store.clone())).unwrap();
        assert_eq!(block_on(warmer.warmth(&key)).unwrap(), Warmth::Cold);
        block_on(warmer.warm(std::slice::from_ref(&key))).unwrap();
        assert_eq!(std::fs::read_to_string(&list).unwrap(), "pack/aa/b\n");
        assert_eq!(block_on(warmer.warmth(&key)).unwrap(), Warmth::Warming);
        block_on(Warmer::warm(&store, std::slice::from_ref(&key))).unwrap();
        time.advance(Duration::from_secs(60));
        let ready = Warmth::Ready { until: None };
        assert_eq!(block_on(warmer.warmth(&key)).unwrap(), ready);
    }

    #[test]
    fn a_command_that_fails_is_an_error_and_asked_for_nothing() {
        let (_, store, key) = cold();
        for argv in [["false"], ["/nonexistent/program"]] {
            let warmer = CommandWarmer::new(argv, Arc::new(store.clone())).unwrap();
            let error = block_on(warmer.warm(std::slice::from_ref(&key))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Other);
            assert_eq!(block_on(warmer.warmth(&key)).unwrap(), Warmth::Cold);
        }
        let none: [&str; 0] = [];
        assert!(CommandWarmer::new(none, Arc::new(store)).is_err());
    }
}
