//! Layers are checked by a machine, not by goodwill.

#[path = "../src/layers.rs"]
#[allow(dead_code)]
mod layers;
#[path = "../src/tree.rs"]
#[allow(dead_code)]
mod tree;

use tree::Tree;

#[test]
fn crates_import_only_what_lies_below_them() {
    assert_eq!(layers::check(&Tree::of_this_repository()), Vec::<String>::new());
}
