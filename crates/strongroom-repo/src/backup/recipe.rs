//! The content of a file as references.

use strongroom_format::{Page, PageType, Ref, RefKind, split};

use super::Run;
use super::levels::{Levels, Pages};
use crate::error::Result;

/// Gathers the references of one file, in order. A short list stays in the directory's page; a long one becomes a tree of its own.
#[derive(Debug)]
pub(super) struct Recipe {
    first: Vec<Ref>,
    levels: Levels<Ref>,
    long: bool,
}

impl Recipe {
    pub(super) fn new() -> Self {
        Self {
            first: Vec::new(),
            levels: Levels::new(),
            long: false,
        }
    }

    pub(super) fn push(&mut self, run: &Run<'_>, reference: Ref) -> Result<()> {
        if !self.long {
            self.first.push(reference);
            if self.first.len() <= split::MAX_INLINE_REFS {
                return Ok(());
            }
            self.long = true;
            for reference in std::mem::take(&mut self.first) {
                self.levels.push(&mut RecipePages(run), 0, reference)?;
            }
            return Ok(());
        }
        self.levels.push(&mut RecipePages(run), 0, reference)
    }

    /// Returns what the directory's page refers to.
    pub(super) fn finish(self, run: &Run<'_>) -> Result<Vec<Ref>> {
        if !self.long {
            return Ok(self.first);
        }
        let mut pages = RecipePages(run);
        let top = self.levels.finish(&mut pages, 0)?;
        match top.as_slice() {
            [
                Ref {
                    kind: RefKind::Page,
                    ..
                },
            ] => Ok(top),
            _ => Ok(vec![pages.write(0, top)?]),
        }
    }
}

struct RecipePages<'r, 'a>(&'r Run<'a>);

impl Pages<Ref> for RecipePages<'_, '_> {
    fn ends(&self, _height: u8, items: &[Ref]) -> bool {
        items
            .last()
            .is_some_and(|last| split::recipe_ends(items.len(), last))
    }

    fn write(&mut self, height: u8, items: Vec<Ref>) -> Result<Ref> {
        self.0.tree.page(&Page {
            page_type: PageType::Recipe,
            height,
            refs: items,
        })
    }
}
