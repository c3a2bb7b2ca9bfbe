//! What a later version has reserved to itself: by features of config, by Feature entries, by entries that writers must understand.

use strongroom_format::{Config, object_name};

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::state::{Features, State};

/// Returns what config names; this version knows no feature.
pub(crate) fn of_config(config: &Config) -> Features {
    let set = |names: &[String]| names.iter().cloned().collect();
    Features {
        read: set(config.unsupported_read_features()),
        write: set(config.unsupported_write_features()),
        maintain: set(config.unsupported_maintain_features()),
    }
}

/// Refuses to write what a later version has reserved to itself.
///
/// # Errors
///
/// `Incompatible` naming the feature, or the entry that this version does not understand.
pub(crate) fn may_write(context: &Context, state: &State) -> Result<()> {
    if let Some(n) = state.must_understand {
        let what = "an entry that writers must understand is of a later version";
        return Err(Error::new(ErrorKind::Incompatible, what).object_named(object_name::journal(n)));
    }
    let first = |of: &Features| of.write.first().or(of.read.first()).cloned();
    refuse("writing", first, context, state)
}

/// Refuses to maintain what a later version has reserved to itself.
///
/// # Errors
///
/// `Incompatible` naming the feature.
pub(crate) fn may_maintain(context: &Context, state: &State) -> Result<()> {
    let first = |of: &Features| of.maintain.first().cloned();
    refuse("maintenance", first, context, state)
}

fn refuse(
    what: &str,
    first: impl Fn(&Features) -> Option<String>,
    context: &Context,
    state: &State,
) -> Result<()> {
    let (feature, object) = match (first(&context.features), first(&state.features)) {
        (Some(feature), _) => (feature, Some(object_name::config())),
        (None, Some(feature)) => (feature, None),
        (None, None) => return Ok(()),
    };
    let what = format!("{what} needs the feature {feature}, which this version does not know");
    let error = Error::new(ErrorKind::Incompatible, what);
    Err(match object {
        Some(object) => error.object_named(object),
        None => error,
    })
}
