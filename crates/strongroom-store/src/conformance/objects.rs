//! The laws that show when calls are made one after another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use futures::future::poll_immediate;
use futures::stream::StreamExt;

use super::{Violation, ensure, get_if_present, key};
use crate::error::{Error, ErrorKind};
use crate::key::{Key, Prefix};
use crate::options::{ObjectMeta, PutMode, PutOptions};
use crate::store::{MAX_OBJECT_BYTES, Store, StoreExt};

/// Law 3: after `put`, `get`, `head` and `list` see the object; after `delete` they do not.
///
/// # Errors
///
/// How it was broken.
pub async fn law_3_what_was_put_is_seen(store: &Arc<dyn Store>) -> Result<(), Violation> {
    let seen = key("law-3/seen")?;
    let folder = Prefix::parse("law-3/")?;
    for (mode, data) in [
        (PutMode::Create, "first"),
        (PutMode::Overwrite, "and longer"),
        (PutMode::Overwrite, ""),
    ] {
        let options = PutOptions::default().with_mode(mode);
        store.put(&seen, data.into(), options).await?;
        ensure(store.get_all(&seen).await? == data, || {
            format!("get misses {data:?}")
        })?;
        let expected = ObjectMeta::new(seen.clone(), data.len() as u64);
        ensure(store.head(&seen).await? == expected, || {
            format!("head misses {data:?}")
        })?;
        let listed = collect(store, &folder).await?;
        ensure(listed.contains(&expected), || {
            format!("list misses {data:?}")
        })?;
    }
    if store.capabilities().delete {
        store.delete(&seen).await?;
        ensure(store.get_all(&seen).await.is_err(), || {
            "get sees what was deleted".to_owned()
        })?;
        ensure(store.head(&seen).await.is_err(), || {
            "head sees what was deleted".to_owned()
        })?;
        let listed = collect(store, &folder).await?;
        ensure(listed.is_empty(), || {
            "list sees what was deleted".to_owned()
        })?;
        store.put_new(&seen, "again".into()).await?;
        ensure(store.get_all(&seen).await? == "again", || {
            "get misses the second".to_owned()
        })?;
    }
    Ok(())
}

/// Law 4: a range is served exactly or is `InvalidRange`.
///
/// # Errors
///
/// How it was broken.
pub async fn law_4_ranges_are_exact(store: &Arc<dyn Store>) -> Result<(), Violation> {
    let object = key("law-4/object")?;
    let data: Bytes = (0..=250_u8).cycle().take(1_000).collect();
    store.put_new(&object, data.clone()).await?;
    for (start, end) in [
        (0, 1_000),
        (0, 1),
        (999, 1_000),
        (250, 750),
        (0, 0),
        (500, 500),
        (1_000, 1_000),
    ] {
        let part = store.get_range(&object, start..end).await?;
        let at = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
        let exact = part == data.slice(at(start)..at(end));
        ensure(exact, || {
            format!("{start}..{end} of 1000 bytes is not exact")
        })?;
    }
    for (start, end) in [
        (0, 1_001),
        (999, 1_001),
        (1_000, 1_001),
        (1_001, 1_001),
        (5, 4),
        (0, u64::MAX),
        (u64::MAX, u64::MAX),
    ] {
        let outcome = store.get_range(&object, start..end).await;
        let refused = matches!(&outcome, Err(error) if error.kind() == ErrorKind::InvalidRange);
        ensure(refused, || {
            format!("{start}..{end} of 1000 bytes is not refused: {outcome:?}")
        })?;
    }
    let empty = key("law-4/empty")?;
    store.put_new(&empty, Bytes::new()).await?;
    ensure(store.get_range(&empty, 0..0).await?.is_empty(), || {
        "bytes out of nothing".to_owned()
    })
}

/// Law 5: `delete` of a missing object succeeds.
///
/// # Errors
///
/// How it was broken.
pub async fn law_5_deleting_the_missing_succeeds(store: &Arc<dyn Store>) -> Result<(), Violation> {
    store.delete(&key("law-5/never-there")?).await?;
    store.delete(&key("law-5/no/such/folder")?).await?;
    if store.capabilities().put {
        let twice = key("law-5/twice")?;
        store.put_new(&twice, "there".into()).await?;
        store.delete(&twice).await?;
        store.delete(&twice).await?;
    }
    Ok(())
}

/// Law 6: `list` yields each present object once, in folders too, even while others come and go.
///
/// # Errors
///
/// How it was broken.
pub async fn law_6_lists_are_complete(
    store: &Arc<dyn Store>,
    object_count: usize,
) -> Result<(), Violation> {
    let mut expected = BTreeMap::new();
    for index in 0..object_count.max(1) {
        // `a/` is a folder, `ab/` is not in it, and some objects lie deeper.
        let folder = ["a/", "ab/", "a/deep/er/", "", "b-c/"]
            .get(index % 5)
            .unwrap_or(&"");
        let key = key(&format!("law-6/{folder}object-{index}"))?;
        let data = "x".repeat(index % 100);
        expected.insert(key.clone(), data.len() as u64);
        store.put_new(&key, data.into()).await?;
    }
    for folder in [
        "law-6/",
        "law-6/a/",
        "law-6/a/deep/",
        "law-6/ab/",
        "law-6/none/",
        "law-6/a/none/",
    ] {
        let prefix = Prefix::parse(folder)?;
        let present = expected.iter().filter(|(key, _)| prefix.matches(key));
        let present: Vec<_> = present.map(|(key, len)| (key.clone(), *len)).collect();
        let mut listed: Vec<_> = collect(store, &prefix)
            .await?
            .into_iter()
            .map(|object| (object.key, object.len))
            .collect();
        listed.sort();
        ensure(listed == present, || {
            format!(
                "{folder} lists {} of {} objects, or others",
                listed.len(),
                present.len()
            )
        })?;
    }
    list_while_others_come_and_go(store, &expected).await
}

async fn list_while_others_come_and_go(
    store: &Arc<dyn Store>,
    expected: &BTreeMap<Key, u64>,
) -> Result<(), Violation> {
    let mut objects = store.list(&Prefix::parse("law-6/")?);
    let mut times_seen: BTreeMap<Key, u32> = BTreeMap::new();
    let mut count = 0;
    while let Some(object) = objects.next().await {
        *times_seen.entry(object?.key).or_default() += 1;
        count += 1;
        if count % 8 == 1 {
            let passing = key(&format!("law-6/a/passing-{count}"))?;
            store.put_new(&passing, "by".into()).await?;
            if store.capabilities().delete {
                store.delete(&passing).await?;
            }
        }
    }
    ensure(times_seen.values().all(|times| *times == 1), || {
        "an object was listed twice".to_owned()
    })?;
    let all = expected.keys().all(|key| times_seen.contains_key(key));
    ensure(all, || {
        "an object was missed while others were put".to_owned()
    })
}

/// Law 7: a `put` whose future is dropped, however far it came, leaves the object absent or whole
/// (old or new, when it replaces), and the store works on.
///
/// # Errors
///
/// How it was broken.
pub async fn law_7_a_dropped_put_is_absent_or_whole(
    store: &Arc<dyn Store>,
) -> Result<(), Violation> {
    const PUTS: usize = 12;
    let (old, new) = (Bytes::from(vec![1; 150_000]), Bytes::from(vec![2; 200_000]));
    let mut keys = Vec::new();
    for polls in 0..PUTS {
        let (created, replaced) = (
            key(&format!("law-7/created-{polls}"))?,
            key(&format!("law-7/replaced-{polls}"))?,
        );
        store.put_new(&replaced, old.clone()).await?;
        let create = PutOptions::default().with_mode(PutMode::Create);
        poll_and_drop(store, &created, new.clone(), create, polls).await;
        let replace = PutOptions::default().with_mode(PutMode::Overwrite);
        poll_and_drop(store, &replaced, new.clone(), replace, polls).await;
        keys.push((created, replaced));
        // What was dropped earlier may be at work still, so all are looked at again each time.
        for (created, replaced) in &keys {
            let data = get_if_present(store, created).await?;
            let whole = data.is_none_or(|data| data == new);
            ensure(whole, || {
                format!("a dropped create left a part of {created}")
            })?;
            let data = get_if_present(store, replaced).await?;
            let whole = data.is_some_and(|data| data == old || data == new);
            ensure(whole, || {
                format!("a dropped replacement left a part of {replaced}")
            })?;
        }
    }
    let after = key("law-7/after")?;
    store.put_new(&after, new.clone()).await?;
    ensure(store.get_all(&after).await? == new, || {
        "the store does not work on".to_owned()
    })
}

async fn poll_and_drop(
    store: &Arc<dyn Store>,
    key: &Key,
    data: Bytes,
    options: PutOptions,
    polls: usize,
) {
    let mut put = store.put(key, data, options);
    for _ in 0..polls {
        if poll_immediate(&mut put).await.is_some() {
            break;
        }
        thread::yield_now();
    }
}

/// Law 8: errors have the right kind and name the object.
///
/// # Errors
///
/// How it was broken.
pub async fn law_8_errors_have_the_right_kind(store: &Arc<dyn Store>) -> Result<(), Violation> {
    for missing in [key("law-8/missing")?, key("law-8/no/such/folder")?] {
        expect(store.get_all(&missing).await, ErrorKind::NotFound, &missing)?;
        expect(
            store.get_range(&missing, 0..1).await,
            ErrorKind::NotFound,
            &missing,
        )?;
        expect(store.head(&missing).await, ErrorKind::NotFound, &missing)?;
    }
    let refused = key("law-8/refused")?;
    let capabilities = store.capabilities();
    if capabilities.put {
        let too_large = Bytes::from(vec![0; MAX_OBJECT_BYTES + 1]);
        expect(
            store.put_new(&refused, too_large).await,
            ErrorKind::TooLarge,
            &refused,
        )?;
        expect(store.get_all(&refused).await, ErrorKind::NotFound, &refused)?;
    } else {
        let outcome = store.put_new(&refused, "small".into()).await;
        expect(outcome, ErrorKind::PermissionDenied, &refused)?;
    }
    if !capabilities.delete {
        let outcome = store.delete(&refused).await;
        let kind = outcome.map_err(|error| error.kind());
        let right = matches!(
            kind,
            Err(ErrorKind::PermissionDenied | ErrorKind::Unsupported)
        );
        ensure(right, || {
            format!("delete, which it cannot do, gave {kind:?}")
        })?;
    }
    Ok(())
}

fn expect<T>(outcome: Result<T, Error>, kind: ErrorKind, key: &Key) -> Result<(), Violation> {
    match outcome {
        Ok(_) => Err(Violation::new(format!(
            "{key}: success where {kind:?} was due"
        ))),
        Err(error) if error.kind() != kind => Err(Violation::new(format!(
            "{key}: {:?} where {kind:?} was due: {error}",
            error.kind()
        ))),
        Err(error) => ensure(error.key() == Some(key), || {
            format!("{error} does not name {key}")
        }),
    }
}

/// Law 9: every key is accepted and has an object of its own.
///
/// # Errors
///
/// How it was broken.
pub async fn law_9_every_key_is_its_own(store: &Arc<dyn Store>) -> Result<(), Violation> {
    let len_max = store.capabilities().key_len_max;
    let longest =
        |folder: &str, fill: &str| format!("{folder}{}", fill.repeat(len_max - folder.len()));
    let mut keys = Vec::new();
    for name in [
        "a", "a.b", "a..b", "a.", "a-b", "a_b", "-", "_", "0", "00", "a0", "con", "nul.txt", "tmp",
        "a.tmp",
    ] {
        keys.push(key(&format!("law-9/{name}"))?);
    }
    keys.push(key(&longest("law-9/", "k"))?);
    keys.push(key(&longest("law-9/x", "k"))?);
    let deep = longest("law-9/d", "/d");
    keys.push(key(deep
        .get(..len_max)
        .unwrap_or(&deep)
        .trim_end_matches('/'))?);
    for key in &keys {
        store
            .put_new(key, Bytes::copy_from_slice(key.as_str().as_bytes()))
            .await?;
    }
    for key in &keys {
        let own = store.get_all(key).await? == key.as_str();
        ensure(own, || format!("{key} has not its own bytes"))?;
    }
    Ok(())
}

async fn collect(store: &Arc<dyn Store>, prefix: &Prefix) -> Result<Vec<ObjectMeta>, Error> {
    let mut objects = store.list(prefix);
    let mut collected = Vec::new();
    while let Some(object) = objects.next().await {
        collected.push(object?);
    }
    Ok(collected)
}
