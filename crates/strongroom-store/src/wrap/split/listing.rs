//! Listing both sides.

use std::collections::HashSet;
use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, BoxStream, StreamExt};

use super::SplitRules;
use crate::error::Result;
use crate::key::{Key, Prefix};
use crate::options::ObjectMeta;
use crate::store::Store;

/// Lists `home`, then what `data` has in the rules' folders.
///
/// The names of what `home` has in those folders are in memory, some 100 bytes each: an object may be on both sides, after it was put
/// with another class, and is listed once. An error of either side ends the list.
pub(super) fn list(
    home: &dyn Store,
    data: &dyn Store,
    rules: &SplitRules,
    prefix: &Prefix,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let folders = rules.within(prefix);
    if folders.is_empty() {
        return home.list(prefix);
    }
    let datas: Vec<_> = folders.iter().map(|folder| data.list(folder)).collect();
    if rules.take_whole(prefix) {
        return until_error(stream::iter(datas).flatten().boxed());
    }
    let seen = Arc::new(Mutex::new(HashSet::new()));
    let (note, datas_rules, rules) = (Arc::clone(&seen), rules.clone(), rules.clone());
    let homes = home.list(prefix).filter(move |object| {
        let shown = object
            .as_ref()
            .map_or(true, |object| is_homes(&rules, &object.key, &note));
        ready(shown)
    });
    let news = stream::iter(datas).flatten().filter(move |object| {
        let shown = object.as_ref().map_or(true, |object| {
            datas_rules.concern(&object.key) && !lock(&seen).contains(&object.key)
        });
        ready(shown)
    });
    until_error(homes.chain(news).boxed())
}

/// Says whether an object of `home` is to be seen, and remembers it if `data` may have it too.
fn is_homes(rules: &SplitRules, key: &Key, seen: &Mutex<HashSet<Key>>) -> bool {
    if !rules.concern(key) {
        return true;
    }
    if !rules.takes_all() {
        lock(seen).insert(key.clone());
    }
    !rules.takes_all()
}

fn lock(seen: &Mutex<HashSet<Key>>) -> std::sync::MutexGuard<'_, HashSet<Key>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends a list after its first error, as the contract asks.
fn until_error(
    objects: BoxStream<'static, Result<ObjectMeta>>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    objects
        .scan(false, |failed, object| {
            let over = *failed;
            *failed = object.is_err();
            ready((!over).then_some(object))
        })
        .boxed()
}
