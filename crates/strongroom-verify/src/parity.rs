//! Whether parity would heal the packs that it is of.

use async_trait::async_trait;
use bytes::Bytes;
use strongroom_format::ObjectHash;
use strongroom_format::object_name::ObjectName;
use strongroom_format::parity::Parity;

use crate::{
    Area, Check, CheckContext, Finding, Level, Problem, Report, Result, Severity, Subject,
};

/// Compares parity with its packs: every hash of a shard, and every parity shard by computing it again. Needs no key.
///
/// A check at [`Level::Hashed`] reads every parity object and finds what is damaged of it; that it is of *this* pack it believes. This one
/// reads the packs too, each once more, and costs about as much as making all parity anew. What it finds is never more than
/// [`Severity::Waste`]: nothing depends on parity, which can be made again. Packs that are damaged themselves it leaves to the other checks.
///
/// ```
/// # use std::sync::Arc;
/// # use strongroom_store::MemoryStore;
/// # use strongroom_verify::{Auditor, CheckOptions, ParityCheck};
/// # let store = Arc::new(MemoryStore::new());
/// let auditor = Auditor::new(store).with_check(Arc::new(ParityCheck::default()));
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct ParityCheck;

#[async_trait]
impl Check for ParityCheck {
    fn name(&self) -> &'static str {
        "parity against packs"
    }

    async fn run(&self, cx: &CheckContext<'_>, report: &mut Report) -> Result<()> {
        let parity = cx.objects().filter_map(|(name, _)| match name {
            ObjectName::Parity(pack) => Some(pack),
            _ => None,
        });
        for pack in parity.collect::<Vec<_>>() {
            let (pack_name, parity_name) = (ObjectName::Pack(pack), ObjectName::Parity(pack));
            let Some(object) = cx.get(&parity_name).await? else {
                continue;
            };
            let Some(bytes) = cx.get(&pack_name).await? else {
                continue;
            };
            let len = object.len() as u64;
            match cx.compute(move || compare(&pack, &object, &bytes)).await? {
                Compared::Not => continue,
                Compared::Alike => {}
                Compared::Differs => {
                    let (severity, subject) = (Severity::Waste, Subject::Object(parity_name));
                    let problem = Problem::ParityDiffers;
                    let finding = Finding::new(severity, subject, problem, Level::Decoded);
                    cx.found(report, finding);
                }
            }
            report.coverage.add(Area::Parity, Level::Decoded, 1, len);
        }
        Ok(())
    }
}

/// What came of comparing.
#[derive(Debug, Clone, Copy)]
enum Compared {
    /// One of them is damaged, which other checks say.
    Not,
    Alike,
    Differs,
}

fn compare(name: &ObjectHash, object: &Bytes, pack: &Bytes) -> Compared {
    let Ok(parity) = Parity::decode(object) else {
        return Compared::Not;
    };
    if ObjectHash::of(pack) != *name {
        return Compared::Not;
    }
    match parity.pack() == name && parity.is_of(pack) {
        true => Compared::Alike,
        false => Compared::Differs,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::executor::block_on;
    use strongroom_crypt::Suite;
    use strongroom_format::Time;
    use strongroom_format::object_name;
    use strongroom_format::parity::{Overhead, encode};
    use strongroom_repo::testing::{Tree, TreeSource};
    use strongroom_repo::{BackupOptions, CreateOptions, Credential, Repository, Settings};
    use strongroom_store::{
        Key, MemoryStore, Prefix, PutMode, PutOptions, Store as _, StoreExt as _,
    };

    use super::*;
    use crate::{Auditor, CheckOptions};

    /// A store whose packs have parity, and their names.
    fn protected() -> (Arc<MemoryStore>, Vec<ObjectHash>) {
        let store = Arc::new(MemoryStore::new());
        let mut settings = Settings::default();
        settings.pack_bytes = 16 << 10;
        settings.parity = Some(Overhead::DISKS);
        let builder = Repository::builder(store.clone()).settings(settings);
        let options = CreateOptions::default().with_suite(Suite::None);
        let created = block_on(builder.create(options, &Credential::None)).unwrap();
        let mut noise = vec![0; 40_000];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        let source = Arc::new(TreeSource::new(Tree::dir([("file", Tree::file(&noise))])));
        let options = BackupOptions::new("home");
        block_on(created.repository.backup(source, options, Arc::new(()))).unwrap();
        let listed = block_on(store.list_all(&Prefix::parse("parity/").unwrap())).unwrap();
        let packs = listed
            .iter()
            .map(|meta| match object_name::parse(meta.key.as_str()) {
                Some(ObjectName::Parity(pack)) => pack,
                other => panic!("{other:?}"),
            });
        (store, packs.collect())
    }

    fn get(store: &MemoryStore, name: &str) -> Vec<u8> {
        block_on(store.get_all(&Key::parse(name).unwrap()))
            .unwrap()
            .to_vec()
    }

    fn put(store: &MemoryStore, name: &str, bytes: Vec<u8>) {
        let options = PutOptions::default().with_mode(PutMode::Overwrite);
        block_on(store.put(&Key::parse(name).unwrap(), bytes.into(), options)).unwrap();
    }

    fn check(store: &Arc<MemoryStore>) -> Report {
        let auditor = Auditor::new(store.clone()).with_check(Arc::new(ParityCheck));
        block_on(auditor.check(
            CheckOptions::new(Time::default()).with_level(Level::Hashed),
            Arc::new(()),
        ))
        .unwrap()
    }

    #[test]
    fn parity_of_its_packs_is_confirmed_without_a_key() {
        let (store, packs) = protected();
        let report = check(&store);
        assert!(report.is_intact(), "{report}");
        assert_eq!(report.count(Problem::ParityDiffers), 0);
        let covered = report.coverage.of(Area::Parity, Level::Decoded);
        assert_eq!(covered.count, packs.len() as u64);
    }

    #[test]
    fn parity_of_something_else_is_waste() {
        let (store, packs) = protected();
        let [one, other, ..] = packs.as_slice() else {
            panic!("there are {} packs", packs.len());
        };
        // Whole, of the right name and length, and made of other bytes.
        let mut pack = get(&store, &object_name::pack(one));
        let last = pack.len() - 1;
        pack[last] ^= 1;
        let forged = encode(one, &pack, Overhead::DISKS, [7; 16]).unwrap();
        put(&store, &object_name::parity(one), forged);
        // A damaged pack is not the parity's fault.
        let mut pack = get(&store, &object_name::pack(other));
        pack[100] ^= 1;
        put(&store, &object_name::pack(other), pack);
        let report = check(&store);
        assert_eq!(report.count(Problem::ParityDiffers), 1, "{report}");
        let found = report
            .findings()
            .iter()
            .find(|one| one.problem == Problem::ParityDiffers)
            .unwrap();
        assert_eq!(found.subject, Subject::Object(ObjectName::Parity(*one)));
        assert_eq!(found.severity, Severity::Waste);
        let covered = report.coverage.of(Area::Parity, Level::Decoded);
        assert_eq!(covered.count, packs.len() as u64 - 1);
    }
}
