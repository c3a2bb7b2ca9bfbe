//! What a program needs that damages things on purpose.

use std::io::{self, BufRead as _, Write as _};

use strongroom::Store;
use strongroom::store::{Prefix, StoreExt as _};

use crate::exit::Usage;

/// Waits for a future, on this thread.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

/// Copies every object of a store into one that is empty.
///
/// # Errors
///
/// [`Usage`] when something is there already; otherwise what a store said.
pub fn copy_store(from: &dyn Store, to: &dyn Store) -> anyhow::Result<()> {
    wait(async {
        if !to.list_all(&Prefix::root()).await?.is_empty() {
            return Err(Usage(format!("{to} is not empty")).into());
        }
        for meta in from.list_all(&Prefix::root()).await? {
            to.put_new(&meta.key, from.get_all(&meta.key).await?)
                .await?;
        }
        Ok(())
    })
}

/// Asks for a line of standard input that has to be this text.
///
/// # Errors
///
/// [`Usage`] when it is another; what standard input said.
pub fn confirm(question: &str, wanted: &str) -> anyhow::Result<()> {
    write!(io::stderr(), "{question}")?;
    io::stderr().flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    if line.trim_end_matches(['\n', '\r']) == wanted {
        return Ok(());
    }
    Err(Usage("that is not it; nothing was touched".to_owned()).into())
}
