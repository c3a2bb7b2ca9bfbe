//! Which parts of the file system are backed up, when it is more than one directory.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A node in the tree of selected paths.
#[derive(Debug, Clone)]
pub(crate) enum Selection {
    /// It and everything in it.
    Whole,
    /// Of this directory only these names.
    Only(Arc<BTreeMap<Vec<u8>, Self>>),
}

impl Selection {
    /// Merges relative paths: what is named twice, or lies in something named, is there once.
    pub(crate) fn merge(paths: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut top = Self::Only(Arc::default());
        for path in paths {
            top.add(&path);
        }
        top
    }

    fn add(&mut self, path: &[u8]) {
        if path.is_empty() {
            *self = Self::Whole;
            return;
        }
        let mut at = self;
        for name in path.split(|&byte| byte == b'/') {
            let Self::Only(names) = at else { return };
            at = Arc::make_mut(names)
                .entry(name.to_vec())
                .or_insert_with(|| Self::Only(Arc::default()));
        }
        *at = Self::Whole;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(selection: &Selection) -> String {
        match selection {
            Selection::Whole => "*".to_owned(),
            Selection::Only(names) => {
                let names = names.iter().map(|(name, below)| {
                    format!("{}={}", String::from_utf8_lossy(name), shown(below))
                });
                format!("({})", names.collect::<Vec<_>>().join(" "))
            }
        }
    }

    #[test]
    fn duplicates_and_nested_paths_merge_in_any_order() {
        for paths in [
            ["a/x", "b/x", "a/x/y", "a/x"],
            ["a/x/y", "a/x", "b/x", "b/x"],
        ] {
            let merged = Selection::merge(paths.map(|path| path.as_bytes().to_vec()));
            assert_eq!(shown(&merged), "(a=(x=*) b=(x=*))");
        }
        assert_eq!(
            shown(&Selection::merge([
                b"a".to_vec(),
                Vec::new(),
                b"b".to_vec()
            ])),
            "*"
        );
    }
}
