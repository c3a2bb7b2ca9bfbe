//! Reads config and its copy.

use strongroom_format::{Config, ObjectHash, object_name};

use crate::context::get_if_there;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};

/// A config that decodes, and the hash of its object.
#[derive(Debug)]
pub(super) struct ConfigObject {
    pub(super) config: Config,
    pub(super) hash: ObjectHash,
}

/// Reads config and, if that is asked for, its copy.
pub(super) fn config_objects(remote: &Remote) -> impl Iterator<Item = Result<ConfigObject>> {
    let names = [object_name::config(), object_name::config_copy()];
    names.into_iter().map(|name| read(remote, &name))
}

fn read(remote: &Remote, name: &str) -> Result<ConfigObject> {
    let bytes = get_if_there(remote, name)?.ok_or_else(|| missing(name))?;
    let config = Config::decode(&bytes).map_err(|error| Error::decode(name, error))?;
    Ok(ConfigObject {
        config,
        hash: ObjectHash::of(&bytes),
    })
}

/// One of the two is missing. If both are, nothing is damaged: there is no repository.
fn missing(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, "config is missing").object_named(name)
}

/// The error for a store without a config.
pub(super) fn no_repository() -> Error {
    Error::new(ErrorKind::NotFound, "there is no repository here")
        .object_named(object_name::config())
}
