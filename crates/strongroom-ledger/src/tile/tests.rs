use super::*;
use crate::testing::leaves;
use crate::{MemoryTree, root};

fn check(path: &str, kind: TileKind, index: u64, width: u16) {
    let tile = Tile::new(kind, index, width).unwrap();
    assert_eq!(tile.to_string(), path);
    assert_eq!(Tile::parse(path), Ok(tile));
}

/// The examples of the specification, and the limits.
#[test]
fn paths_are_those_of_the_specification() {
    check("tile/0/x001/x234/067", TileKind::Hashes(0), 1_234_067, 256);
    check("tile/0/000", TileKind::Hashes(0), 0, 256);
    check("tile/0/273.p/112", TileKind::Hashes(0), 273, 112);
    check("tile/1/001.p/17", TileKind::Hashes(1), 1, 17);
    check("tile/2/000.p/1", TileKind::Hashes(2), 0, 1);
    check("tile/entries/999.p/255", TileKind::Entries, 999, 255);
    check("tile/entries/x001/000", TileKind::Entries, 1000, 256);
    check(
        "tile/63/x018/x446/x744/x073/x709/x551/615",
        TileKind::Hashes(63),
        u64::MAX,
        256,
    );
}

#[test]
fn a_path_has_one_spelling() {
    for path in [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/x/000",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/000.p/1.p/1",
        "tile/Entries/000",
        "tile/0/x0a1/000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x000/x001/000",
    ] {
        assert!(Tile::parse(path).is_err(), "{path}");
    }
}

/// A tree of size 70,000 has the tiles that the specification says.
#[test]
fn the_tiles_of_a_tree_are_those_of_the_specification() {
    let width = |level, index| hash_tile(70_000, level, index).map(|tile| tile.width());
    assert_eq!(width(0, 272), Some(256));
    assert_eq!(width(0, 273), Some(112));
    assert_eq!(width(0, 274), None);
    assert_eq!(
        (width(1, 0), width(1, 1), width(1, 2)),
        (Some(256), Some(17), None)
    );
    assert_eq!(
        (width(2, 0), width(2, 1), width(3, 0)),
        (Some(1), None, None)
    );
    assert_eq!(hash_tile(256, 0, 1), None);
    assert_eq!(hash_tile(256, 1, 0).map(|tile| tile.width()), Some(1));
}

#[test]
fn a_tile_is_the_tree_below_it() {
    let hashes = leaves(256);
    let tree: MemoryTree = hashes.iter().copied().collect();
    for len in [1, 2, 3, 4, 128, 255, 256] {
        assert_eq!(
            hash_of(&hashes[..len]),
            Some(root(&tree, len as u64).unwrap())
        );
    }
    assert_eq!(hash_of(&[]), None);
}
