//! Which repository this is: the configuration and its copy.

use bytes::Bytes;
use strongroom_crypt::{RepositoryId, Suite};
use strongroom_format::object_name::ObjectName;
use strongroom_format::{Config, Entry, ObjectHash, Preamble};

use crate::context::{Context, Fetched};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::Keys;
use crate::listing::Listing;
use crate::wholeness::{Flaw, Place, damage, judge, judge_body};
use crate::{Area, Finding, Level, Problem, Report, Severity, Subject};

/// Which repository this is.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) place: Place,
    /// Hash of the configuration, if one could be read.
    pub(crate) config: Option<ObjectHash>,
    /// A feature of the configuration that readers must know and this version does not.
    pub(crate) unsupported: Option<String>,
}

/// Reads the configuration and its copy and says which repository this is.
///
/// # Errors
///
/// `NotFound` when nothing here says which repository it is; `WrongKey` when the keys are those of another; `Incompatible` when the whole
/// repository is of a later version; what the store said.
pub(crate) async fn find(
    cx: &Context,
    keys: Option<&Keys>,
    listing: &Listing,
    report: &mut Report,
) -> Result<Found> {
    let mut read = Vec::with_capacity(2);
    for name in [ObjectName::Config, ObjectName::ConfigCopy] {
        read.push((name, fetch(cx, &name).await?));
    }
    let first = genesis(cx).await?;
    let expected = expected(keys, &read, first.as_ref(), listing)?;
    let mut found: Option<(ObjectHash, Config)> = None;
    for (name, bytes) in preferred(&read, first.as_ref()) {
        match bytes
            .as_ref()
            .map_err(Flaw::clone)
            .and_then(|bytes| judged(name, bytes, &expected))
        {
            Err(flaw) => cx.found(report, flaw.of(*name, Level::Hashed)),
            Ok(config) => match &found {
                Some((other, _)) if *other != config.0 => {
                    let detail = "not the one that the first entry follows";
                    let flaw = damage(name, Problem::CopiesDiffer, detail);
                    cx.found(report, flaw.of(*name, Level::Hashed));
                }
                Some(_) => {}
                None => found = Some(config),
            },
        }
    }
    for (_, bytes) in &read {
        let bytes = bytes.as_ref().map_or(0, Bytes::len) as u64;
        report
            .coverage
            .add(Area::Config, Level::Hashed, u64::from(bytes > 0), bytes);
    }
    if found.is_none() {
        let finding = Finding::new(
            Severity::Loss,
            Subject::Repository,
            Problem::Missing,
            Level::Hashed,
        );
        cx.found(report, finding.with_detail("no intact configuration"));
    }
    Ok(Found {
        place: expected,
        config: found.as_ref().map(|(hash, _)| *hash),
        unsupported: found
            .and_then(|(_, config)| config.unsupported_read_features().first().cloned()),
    })
}

type Read = (ObjectName, Result<Bytes, Flaw>);

async fn fetch(cx: &Context, name: &ObjectName) -> Result<Result<Bytes, Flaw>> {
    Ok(match cx.get(name).await? {
        Fetched::Bytes(bytes) => Ok(bytes),
        Fetched::Absent if *name == ObjectName::Config => Err(damage(name, Problem::Missing, "")),
        Fetched::Absent => Err(damage(&ObjectName::Config, Problem::MissingCopy, "")),
        Fetched::Unreadable(error) => Err(damage(name, Problem::Unreadable, error.to_string())),
    })
}

/// Returns entry 0 if it is whole: it says which configuration is the right one.
async fn genesis(cx: &Context) -> Result<Option<Entry>> {
    match cx.get(&ObjectName::Journal(0)).await? {
        Fetched::Bytes(bytes) => Ok(Entry::decode(&bytes).ok()),
        _ => Ok(None),
    }
}

/// Puts the configuration that entry 0 follows first.
fn preferred<'a>(read: &'a [Read], first: Option<&Entry>) -> Vec<&'a Read> {
    let mut read: Vec<_> = read.iter().collect();
    read.sort_by_key(|(_, bytes)| {
        let hash = bytes.as_ref().ok().map(|bytes| ObjectHash::of(bytes));
        hash.is_none() || hash != first.map(|entry| entry.previous)
    });
    read
}

fn judged(name: &ObjectName, bytes: &[u8], place: &Place) -> Result<(ObjectHash, Config), Flaw> {
    judge(name, bytes, place)?;
    judge_body(name, bytes)?;
    let config = Config::decode(bytes)
        .map_err(|error| damage(name, Problem::Malformed, error.to_string()))?;
    Ok((ObjectHash::of(bytes), config))
}

/// What repository id and suite all objects must have.
fn expected(
    keys: Option<&Keys>,
    read: &[Read],
    first: Option<&Entry>,
    listing: &Listing,
) -> Result<Place> {
    let objects = || read.iter().filter_map(|(_, bytes)| bytes.as_ref().ok());
    let configs: Vec<Place> = preferred(read, first)
        .into_iter()
        .filter_map(|(_, bytes)| Config::decode(bytes.as_ref().ok()?).ok())
        .map(|config| place(config.repository, config.suite))
        .collect();
    if let Some(keys) = keys {
        let of_keys = place(keys.repository, keys.suite);
        let elsewhere = !configs.is_empty() && !configs.contains(&of_keys);
        let first = first.map(|entry| place_of(&entry.preamble));
        if elsewhere && first != Some(of_keys) {
            return Err(Error::new(
                ErrorKind::WrongKey,
                "the keys are those of another repository",
            ));
        }
        return Ok(of_keys);
    }
    if let Some(place) = configs.first() {
        return Ok(*place);
    }
    if let Some(entry) = first {
        return Ok(place_of(&entry.preamble));
    }
    let newer = objects().any(|bytes| {
        Config::decode(bytes)
            .is_err_and(|error| error.kind() == strongroom_format::DecodeErrorKind::Unsupported)
    });
    if newer {
        return Err(Error::new(
            ErrorKind::Incompatible,
            "a later version made this repository",
        ));
    }
    let what = if listing.is_empty() {
        "no repository is here"
    } else {
        "nothing here says which repository it is: neither configuration nor first entry is whole"
    };
    Err(Error::new(ErrorKind::NotFound, what))
}

const fn place(repository: RepositoryId, suite: Suite) -> Place {
    Place { repository, suite }
}

const fn place_of(preamble: &Preamble) -> Place {
    place(preamble.repository, preamble.suite)
}
