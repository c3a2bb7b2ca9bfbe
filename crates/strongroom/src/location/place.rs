//! What a location means.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::error::LocationError;
use super::mirror::MirrorPlace;
use super::remote::Remote;
use super::split::SplitPlace;
use super::text::{not_empty, path_of, percent_decoded, scheme};

/// What is made where it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Make {
    Nothing,
    Directories,
}

/// What a location means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Directory(PathBuf),
    Remote(Remote),
    Mirror(MirrorPlace),
    Split(SplitPlace),
}

impl Place {
    pub(super) fn parse(location: &OsStr) -> Result<Self, LocationError> {
        let bytes = location.as_encoded_bytes();
        let Some(scheme) = scheme(bytes) else {
            return Ok(Self::Directory(not_empty(PathBuf::from(location))?));
        };
        let rest = bytes.get(scheme.len() + 1..).unwrap_or_default();
        match scheme.as_str() {
            "file" => file(rest).map(Self::Directory),
            "split" => SplitPlace::parse(rest).map(Self::Split),
            "mirror" => MirrorPlace::parse(rest).map(Self::Mirror),
            _ => Remote::parse(&scheme, bytes).map(Self::Remote),
        }
    }
}

/// Returns the path in what follows `file:`.
fn file(rest: &[u8]) -> Result<PathBuf, LocationError> {
    let Some(rest) = rest.strip_prefix(b"//") else {
        return not_empty(path_of(rest)?);
    };
    let absolute = rest.strip_prefix(b"localhost").unwrap_or(rest);
    if !absolute.starts_with(b"/") {
        return Err(LocationError::Invalid {
            what: "a file URL names no other machine",
        });
    }
    path_of(&percent_decoded(absolute)?)
}

/// Returns the locations in a list with commas, in which `%2C` is a comma and `%25` a percent sign.
pub(super) fn members(list: &[u8]) -> impl Iterator<Item = Result<Place, LocationError>> {
    list.split(|byte| *byte == b',').map(|member| {
        let member = path_of(&percent_decoded(member)?)?.into_os_string();
        Place::parse(&member)
    })
}

#[cfg(test)]
mod tests;
