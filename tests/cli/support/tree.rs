//! What lies in a folder, so that two moments can be compared.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

/// Every file and folder by its path, with its size and the time of its last change.
pub type Tree = BTreeMap<String, (u64, Option<SystemTime>)>;

/// Reads a folder, and all that is below it.
pub fn read(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    collect(folder, folder, &mut tree);
    tree
}

/// The paths of all files below a folder.
pub fn files(folder: &Path) -> Vec<String> {
    read(folder).into_keys().filter(|path| folder.join(path).is_file()).collect()
}

fn collect(root: &Path, folder: &Path, tree: &mut Tree) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        tree.insert(name, (metadata.len(), metadata.modified().ok()));
        if metadata.is_dir() {
            collect(root, &path, tree);
        }
    }
}
