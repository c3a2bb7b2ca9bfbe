//! Bringing back what is hidden.
//!
//! Object Lock protects versions, not names: a plain DELETE lays a marker over a locked version, a plain PUT other bytes, and both
//! succeed. Of a name that is written once the oldest version is the object. It comes back when the markers over it are deleted,
//! which holds nothing; where other bytes are over it, which may be locked themselves, it is copied on top of them.

use std::collections::BTreeMap;

use md5::{Digest, Md5};
use object_store::client::HttpError;
use reqwest::Method;
use strongroom_store::Retention;

use super::calls::{Call, S3Calls, broken, mode};
use super::versions::Version;
use crate::markup;
use crate::text::{base64, encode, encode_value};
use crate::time::rfc3339;

/// Objects that are hidden, as far as one page of versions says.
#[derive(Debug)]
pub(crate) struct HiddenPaths {
    /// Their paths, and whether a marker hides them.
    pub(crate) paths: Vec<(String, bool)>,
    /// The path after which the next page begins.
    pub(crate) next: Option<String>,
}

impl S3Calls {
    /// Looks through one page of versions in a folder.
    pub(crate) async fn hidden(
        &self,
        folder: &str,
        after: Option<&str>,
    ) -> Result<HiddenPaths, HttpError> {
        let page = self.page_of_versions(folder, after).await?;
        // A page may end among the versions of an object. So the next begins after the object.
        let next = match page.truncated {
            true => page.next_key,
            false => None,
        };
        if page.truncated && next.as_deref() <= after {
            return Err(broken("the list of versions does not go on".into()));
        }
        let mut found: BTreeMap<String, Vec<Version>> = BTreeMap::new();
        for version in page.versions {
            found.entry(version.path.clone()).or_default().push(version);
        }
        if let Some(last) = &next
            && let Some(versions) = found.get_mut(last)
        {
            *versions = self.versions(last).await?;
        }
        let hidden = |(path, versions): (String, Vec<Version>)| Some((path, hides(&versions)?));
        let paths = found.into_iter().filter_map(hidden).collect();
        Ok(HiddenPaths { paths, next })
    }

    /// Brings an object back if it is hidden and locked, and says whether it was.
    pub(crate) async fn uncover(&self, path: &str) -> Result<bool, HttpError> {
        let versions = self.versions(path).await?;
        if hides(&versions).is_none() {
            return Ok(false);
        }
        let Some((object, retention)) = self.locked_object(path, &versions).await? else {
            return Ok(false);
        };
        let newest = with_bytes(&versions).next();
        if newest.is_some_and(|newest| newest.content != object.content) {
            self.copy_on_top(path, &object.id, retention).await?;
            return Ok(true);
        }
        for marker in versions.iter().filter(|one| one.content.is_none()) {
            self.delete_version(path, &marker.id).await?;
        }
        Ok(true)
    }

    /// Returns a version that has the object's bytes and is locked.
    async fn locked_object<'a>(
        &self,
        path: &str,
        versions: &'a [Version],
    ) -> Result<Option<(&'a Version, Retention)>, HttpError> {
        let Some(object) = oldest(versions) else {
            return Ok(None);
        };
        let same = |version: &&Version| version.content == object.content;
        for version in versions.iter().filter(same) {
            if let Some(retention) = self.retention_of(path, &version.id).await? {
                return Ok(Some((version, retention)));
            }
        }
        Ok(None)
    }

    /// Makes a version the newest again, locked as it is.
    async fn copy_on_top(
        &self,
        path: &str,
        version: &str,
        retention: Retention,
    ) -> Result<(), HttpError> {
        let (bucket, encoded) = (encode(self.bucket()), encode(path));
        let source = format!("/{bucket}/{encoded}?versionId={}", encode_value(version));
        let call = Call::new(Method::PUT, path, "")
            .with_header("content-length", "0")
            // Some services want to see a digest wherever a lock is set, be it that of nothing (moto).
            .with_header("content-md5", base64(&Md5::digest(b"")))
            .with_header("x-amz-copy-source", source)
            .with_header("x-amz-object-lock-mode", mode(retention.mode))
            .with_header(
                "x-amz-object-lock-retain-until-date",
                rfc3339(retention.until),
            );
        let text = self.send(call).await?.text();
        // A copy that fails late is answered 200, with an error in it.
        match markup::elements(&text, "CopyObjectResult").next() {
            Some(_) => Ok(()),
            None => Err(broken("the object was not copied".into())),
        }
    }
}

/// Returns the versions that are no markers, the newest first.
fn with_bytes(versions: &[Version]) -> impl DoubleEndedIterator<Item = &Version> {
    versions.iter().filter(|version| version.content.is_some())
}

/// Returns the version that was put first.
fn oldest(versions: &[Version]) -> Option<&Version> {
    with_bytes(versions).next_back()
}

/// Says whether what was put first is hidden, and then whether by a marker.
fn hides(versions: &[Version]) -> Option<bool> {
    let oldest = oldest(versions)?;
    let latest = versions.iter().find(|version| version.latest);
    let newest = latest.or(versions.first())?;
    (newest.content != oldest.content).then_some(newest.content.is_none())
}
