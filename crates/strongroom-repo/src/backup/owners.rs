//! Names of owners and groups.

use std::collections::HashMap;

use strongroom_format::{Leaf, Node};

use super::Run;

/// Names of owners, asked of the source once each.
#[derive(Debug, Default)]
pub(super) struct OwnerNames {
    users: HashMap<u32, Option<Vec<u8>>>,
    groups: HashMap<u32, Option<Vec<u8>>>,
}

impl OwnerNames {
    /// Returns the names of these users, by number.
    pub(super) fn users(
        &mut self,
        run: &Run<'_>,
        ids: impl Iterator<Item = u32>,
    ) -> Vec<(u32, Vec<u8>)> {
        table(&mut self.users, ids, |id| run.source.owner_name(id))
    }

    /// Returns the names of these groups, by number.
    pub(super) fn groups(
        &mut self,
        run: &Run<'_>,
        ids: impl Iterator<Item = u32>,
    ) -> Vec<(u32, Vec<u8>)> {
        table(&mut self.groups, ids, |id| run.source.group_name(id))
    }

    /// Says whether a leaf has the names that its entries would get now.
    pub(super) fn are_in(&mut self, run: &Run<'_>, leaf: &Leaf) -> bool {
        let nodes = || leaf.entries.iter().chain(leaf.root.as_deref());
        self.users(run, runs(nodes(), |node| node.uid)) == leaf.owners
            && self.groups(run, runs(nodes(), |node| node.gid)) == leaf.groups
    }
}

/// Leaves out numbers that are the same as the one before: neighbours mostly have one owner.
fn runs<'n>(
    nodes: impl Iterator<Item = &'n Node>,
    number: impl Fn(&Node) -> u32,
) -> impl Iterator<Item = u32> {
    let mut last = None;
    nodes.filter_map(move |node| {
        let number = number(node);
        (last.replace(number) != Some(number)).then_some(number)
    })
}

fn table(
    known: &mut HashMap<u32, Option<Vec<u8>>>,
    ids: impl Iterator<Item = u32>,
    ask: impl Fn(u32) -> Option<Vec<u8>>,
) -> Vec<(u32, Vec<u8>)> {
    let mut ids: Vec<u32> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter()
        .filter_map(|id| {
            let name = known.entry(id).or_insert_with(|| ask(id));
            name.as_ref().map(|name| (id, name.clone()))
        })
        .collect()
}
