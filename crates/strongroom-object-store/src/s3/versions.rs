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
            self.delete_version(path, version).await?;
        }
        Ok(())
    }

    async fn versions(&self, path: &str) -> Result<Vec<String>, HttpError> {
        let mut found = Vec::new();
        let mut after = String::new();
        for _page in 0..MAX_PAGES {
            let query = format!("prefix={}&versions={after}", encode_value(path));
            let text = self.send(Call::new(Method::GET, "", query)).await?.text();
            // Versions and markers are listed in one sequence, in which they have to be deleted.
            let mut entries: Vec<(usize, &str)> = ["Version", "DeleteMarker"]
                .iter()
                .flat_map(|name| markup::elements(&text, name))
                .map(|entry| (entry.as_ptr().addr(), entry))
                .collect();
            entries.sort_unstable_by_key(|(at, _)| *at);
            let own = |entry: &&str| markup::text(entry, "Key").as_deref() == Some(path);
            let all_own = entries.iter().all(|(_, entry)| own(entry));
            let own = entries
                .iter()
                .map(|(_, entry)| *entry)
                .filter(|entry| own(entry));
            found.extend(own.filter_map(|entry| markup::text(entry, "VersionId")));
            let truncated = markup::text(&text, "IsTruncated").as_deref() == Some("true");
            let next_key = markup::text(&text, "NextKeyMarker");
            // Other objects begin with this one's name, and come after all of its versions.
            if !truncated || !all_own || next_key.as_deref() != Some(path) {
                return Ok(found);
            }
            let next = markup::text(&text, "NextVersionIdMarker").unwrap_or_default();
            after = format!(
                "&key-marker={}&version-id-marker={}",
                encode_value(path),
                encode_value(&next)
            );
        }
        let endless = "there are more versions of an object than can be deleted";
        Err(HttpError::new_boxed(HttpErrorKind::Unknown, endless.into()))
    }
}
