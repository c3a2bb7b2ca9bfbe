//! Where pages end is part of the format for writers: these cases never change.

use strongroom_crypt::Id;
use strongroom_format::split::{interior_ends, leaf_ends, recipe_ends};
use strongroom_format::{Ref, RefKind};

/// The first of the names `0`, `1`, … whose BLAKE3 begins with a zero byte, and one whose does not.
const BOUNDARY: &[u8] = b"145";
const OTHER: &[u8] = b"1";

#[test]
fn the_boundary_is_one() {
    assert_eq!(blake3::hash(BOUNDARY).as_bytes()[0], 0);
    assert_ne!(blake3::hash(OTHER).as_bytes()[0], 0);
}

#[test]
fn directory_pages() {
    for ends in [leaf_ends, interior_ends] {
        assert!(!ends(63, 9_000, BOUNDARY));
        assert!(ends(64, 9_000, BOUNDARY));
        assert!(!ends(64, 9_000, OTHER));
        assert!(!ends(1_023, 262_143, OTHER));
        assert!(ends(1_024, 9_000, OTHER));
        assert!(ends(1, 262_144, OTHER));
    }
}

#[test]
fn recipe_pages() {
    let reference = |first, second| {
        let mut id = [9; 32];
        (id[0], id[1]) = (first, second);
        Ref {
            id: Id::from_bytes(id),
            len: 1,
            kind: RefKind::Data,
        }
    };
    assert!(!recipe_ends(127, &reference(0, 0)));
    assert!(recipe_ends(128, &reference(0, 127)));
    assert!(!recipe_ends(128, &reference(0, 128)));
    assert!(!recipe_ends(4_095, &reference(1, 0)));
    assert!(recipe_ends(4_096, &reference(1, 0)));
    assert!(recipe_ends(128, &Ref::zeros(5)));
}

/// About one name in 256 is a boundary, so that large directories have pages of some 320 entries.
#[test]
fn boundaries_are_rare() {
    let count = (0..20_000_u32)
        .filter(|n| leaf_ends(64, 0, n.to_string().as_bytes()))
        .count();
    assert!((40..130).contains(&count), "{count}");
}
