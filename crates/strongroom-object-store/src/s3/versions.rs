//! Deleting from a bucket that keeps versions.
//!
//! A plain DELETE there frees nothing and meets no lock: it puts a marker on top. Where objects are locked, *deleted* has to mean
//! that the service let go of the bytes, or refused to; so every version of the object is deleted by its own name, the oldest
//! first. A locked one thus refuses before anything has changed, and nothing that was replaced long ago comes to light again when
//! the deletion is broken off.

use object_store::client::{HttpError, HttpErrorKind};
use reqwest::Method;

use super::calls::{Call, S3Calls};
use crate::markup;
use crate::text::encode_value;

/// Pages of versions of one object that are read, of a thousand each. Who has more of them has not got them from us.
const MAX_PAGES: usize = 1000;

/// What is deleted where there is nothing: the version of times before there were versions. It tells whether deleting is permitted.
const NO_VERSION: &str = "null";

impl S3Calls {
    /// Deletes an object as it stands, or puts a marker on it.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), HttpError> {
        self.send(Call::new(Method::DELETE, path, ""))
            .await
            .map(drop)
    }

    /// Deletes one version.
    pub(crate) async fn delete_version(&self, path: &str, version: &str) -> Result<(), HttpError> {
        let query = format!("versionId={}", encode_value(version));
        self.send(Call::new(Method::DELETE, path, query))
            .await
            .map(drop)
    }

    /// Deletes every version of an object, and the markers on it.
    pub(crate) async fn delete_versions(&self, path: &str) -> Result<(), HttpError> {
        let versions = self.versions(path).await?;
        if versions.is_empty() {
            return self.delete_version(path, NO_VERSION).await;
        }
        // The service lists the newest first.
        for version in versions.iter().rev() {
            self.delete_version(path, &version.id).await?;
        }
        Ok(())
    }

    /// Returns the versions of an object and the markers on it, the newest first.
    pub(crate) async fn versions(&self, path: &str) -> Result<Vec<Version>, HttpError> {
        let mut found = Vec::new();
        let mut after = String::new();
        for _page in 0..MAX_PAGES {
            let query = format!("prefix={}&versions={after}", encode_value(path));
            let page = Page::parse(&self.send(Call::new(Method::GET, "", query)).await?.text());
            let all_own = page.versions.iter().all(|version| version.path == path);
            let own = page.versions.into_iter();
            found.extend(own.filter(|version| version.path == path));
            // Other objects begin with this one's name, and come after all of its versions.
            if !page.truncated || !all_own || page.next_key.as_deref() != Some(path) {
                return Ok(found);
            }
            after = format!(
                "&key-marker={}&version-id-marker={}",
                encode_value(path),
                encode_value(&page.next_version.unwrap_or_default())
            );
        }
        let endless = "there are more versions of an object than are read";
        Err(HttpError::new_boxed(HttpErrorKind::Unknown, endless.into()))
    }

    /// Returns a page of versions and markers in a folder, of objects that come after a path.
    pub(super) async fn page_of_versions(
        &self,
        folder: &str,
        after: Option<&str>,
    ) -> Result<Page, HttpError> {
        let after = after.map_or_else(String::new, |path| {
            format!("&key-marker={}", encode_value(path))
        });
        let query = format!("prefix={}&versions={after}", encode_value(folder));
        let text = self.send(Call::new(Method::GET, "", query)).await?.text();
        Ok(Page::parse(&text))
    }
}

/// A version of an object, or a marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) path: String,
    pub(crate) id: String,
    /// Whether it is what a name stands for.
    pub(crate) latest: bool,
    /// What tells its bytes from others; `None` for a marker.
    pub(crate) content: Option<Content>,
}

/// A digest of a version's bytes, in the service's words, and their number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    etag: Option<String>,
    size: Option<String>,
}

/// What a service answers when it is asked for versions.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) versions: Vec<Version>,
    pub(super) truncated: bool,
    pub(super) next_key: Option<String>,
    next_version: Option<String>,
}

impl Page {
    fn parse(text: &str) -> Self {
        // Versions and markers are listed in one sequence, which is that of their age; by some services each for itself (moto).
        let mut entries: Vec<(usize, &str, bool)> = [("Version", false), ("DeleteMarker", true)]
            .iter()
            .flat_map(|(name, marker)| {
                markup::elements(text, name).map(move |entry| (entry, *marker))
            })
            .map(|(entry, marker)| (entry.as_ptr().addr(), entry, marker))
            .collect();
        entries.sort_unstable_by_key(|(at, _, _)| *at);
        let version = |(_, entry, marker): (usize, &str, bool)| {
            let content = Content {
                etag: markup::text(entry, "ETag"),
                size: markup::text(entry, "Size"),
            };
            Some(Version {
                path: markup::text(entry, "Key")?,
                id: markup::text(entry, "VersionId")?,
                latest: markup::text(entry, "IsLatest").as_deref() == Some("true"),
                content: (!marker).then_some(content),
            })
        };
        Self {
            versions: entries.into_iter().filter_map(version).collect(),
            truncated: markup::text(text, "IsTruncated").as_deref() == Some("true"),
            next_key: markup::text(text, "NextKeyMarker"),
            next_version: markup::text(text, "NextVersionIdMarker"),
        }
    }
}
