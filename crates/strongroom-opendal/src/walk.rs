//! A list of every object in a folder, made of the lists of single folders.

use std::collections::VecDeque;
use std::future::Future;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, FuturesUnordered, StreamExt};
use strongroom_store::{Key, ObjectMeta, Prefix, Result};

/// What a folder holds, as far as it concerns a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A file.
    File {
        /// Its name within the folder.
        name: String,
        /// Its length in bytes.
        len: u64,
    },
    /// A folder.
    Folder {
        /// Its name within the folder.
        name: String,
    },
}

/// Folders that are read at the same time: a repository has hundreds, and each costs round trips.
const FOLDERS_AT_ONCE: usize = 8;

/// Yields every object below `prefix`. `read` returns what is in a folder, which is empty or ends in a slash; a folder that is gone has
/// nothing in it. What cannot be a key is no object: temporary files, and what others put there. The first error ends the list.
pub(crate) fn walk<R, F>(prefix: &Prefix, read: R) -> BoxStream<'static, Result<ObjectMeta>>
where
    R: Fn(String) -> F + Send + 'static,
    F: Future<Output = Result<Vec<Entry>>> + Send + 'static,
{
    let walk = Walk {
        read,
        waiting: VecDeque::from([prefix.as_str().to_owned()]),
        reading: FuturesUnordered::new(),
        found: VecDeque::new(),
    };
    stream::unfold(walk, Walk::next).boxed()
}

struct Walk<R> {
    read: R,
    /// Folders to be read.
    waiting: VecDeque<String>,
    reading: FuturesUnordered<BoxFuture<'static, (String, Result<Vec<Entry>>)>>,
    /// Objects to be yielded, before anything else is read on.
    found: VecDeque<ObjectMeta>,
}

impl<R, F> Walk<R>
where
    R: Fn(String) -> F + Send + 'static,
    F: Future<Output = Result<Vec<Entry>>> + Send + 'static,
{
    async fn next(mut self) -> Option<(Result<ObjectMeta>, Self)> {
        loop {
            if let Some(object) = self.found.pop_front() {
                return Some((Ok(object), self));
            }
            while self.reading.len() < FOLDERS_AT_ONCE
                && let Some(folder) = self.waiting.pop_front()
            {
                let read = (self.read)(folder.clone());
                self.reading
                    .push(Box::pin(async move { (folder, read.await) }));
            }
            match self.reading.next().await? {
                (folder, Ok(entries)) => self.take(&folder, entries),
                (_, Err(error)) => {
                    self.waiting.clear();
                    self.reading.clear();
                    return Some((Err(error), self));
                }
            }
        }
    }

    fn take(&mut self, folder: &str, entries: Vec<Entry>) {
        for entry in entries {
            match entry {
                Entry::File { name, len } => {
                    if let Ok(key) = Key::parse(&format!("{folder}{name}"))
                        && !name.contains('/')
                    {
                        self.found.push_back(ObjectMeta::new(key, len));
                    }
                }
                Entry::Folder { name } => {
                    let path = format!("{folder}{name}/");
                    // Too long or ill-formed for a prefix is too much for a key in it.
                    if Prefix::parse(&path).is_ok() && !name.contains('/') {
                        self.waiting.push_back(path);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::stream::TryStreamExt;
    use strongroom_store::{Error, ErrorKind};

    use super::*;

    fn file(name: &str, len: u64) -> Entry {
        let name = name.to_owned();
        Entry::File { name, len }
    }

    fn folder(name: &str) -> Entry {
        let name = name.to_owned();
        Entry::Folder { name }
    }

    fn listed(
        prefix: &str,
        read: impl Fn(&str) -> Result<Vec<Entry>> + Send + 'static,
    ) -> Result<Vec<String>> {
        let prefix = Prefix::parse(prefix)?;
        let objects = walk(&prefix, move |folder| {
            let entries = read(&folder);
            async move { entries }
        });
        let mut keys: Vec<_> = block_on(objects.try_collect::<Vec<_>>())?
            .into_iter()
            .map(|object| format!("{} {}", object.key, object.len))
            .collect();
        keys.sort();
        Ok(keys)
    }

    #[test]
    fn folders_are_walked_and_strangers_passed_over() {
        let read = |path: &str| {
            Ok(match path {
                "pack/" => vec![
                    file("a", 1),
                    folder("ab"),
                    folder(".tmp"),
                    folder("."),
                    folder("UPPER"),
                    folder("x/y"),
                ],
                "pack/ab/" => vec![file("b", 2), file(".hidden", 3), file("Thumbs.db", 4)],
                _ => panic!("{path} is none of ours"),
            })
        };
        assert_eq!(
            listed("pack/", read).expect("a list"),
            ["pack/a 1", "pack/ab/b 2"]
        );
    }

    #[test]
    fn many_folders_are_all_read() {
        let read = |path: &str| {
            Ok(match path {
                "" => (0..100)
                    .map(|number| folder(&format!("f{number}")))
                    .collect(),
                _ => vec![file("one", 1), file("two", 2)],
            })
        };
        assert_eq!(listed("", read).expect("a list").len(), 200);
    }

    #[test]
    fn an_error_ends_the_list() {
        let read = |path: &str| match path {
            "" => Ok((0..100)
                .map(|number| folder(&format!("f{number}")))
                .collect()),
            "f7/" => Err(Error::new(ErrorKind::PermissionDenied, "list")),
            _ => Ok(vec![file("one", 1)]),
        };
        let error = listed("", read).expect_err("a folder cannot be read");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    }
}
