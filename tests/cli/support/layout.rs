//! Reads an OCI image layout with `tar` and `sha256sum`, which know nothing of how it was written.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::tree;

/// An image layout in a folder.
pub struct Layout {
    folder: PathBuf,
}

impl Layout {
    /// Of a folder.
    pub fn of_folder(folder: PathBuf) -> Layout {
        Layout { folder }
    }

    /// Of an archive, which is unpacked beside it.
    pub fn of_archive(archive: &Path) -> Layout {
        let folder = archive.with_extension("unpacked");
        let _ = std::fs::remove_dir_all(&folder);
        unpack(archive, &folder);
        Layout { folder }
    }

    /// The paths of its files.
    pub fn files(&self) -> Vec<String> {
        tree::files(&self.folder)
    }

    /// A document by its path.
    pub fn json(&self, path: &str) -> Value {
        let text = std::fs::read_to_string(self.folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_json::from_str(&text).unwrap()
    }

    /// A document by the descriptor that names it, which has to be true.
    pub fn document(&self, descriptor: &Value) -> Value {
        let path = blob_path(descriptor["digest"].as_str().unwrap());
        let size = self.folder.join(&path).metadata().unwrap().len();
        assert_eq!(descriptor["size"], size, "{descriptor}");
        self.json(&path)
    }

    /// The manifests of all platforms, whether there is an index over them or not.
    pub fn manifests(&self) -> Vec<Value> {
        let root = &self.json("index.json")["manifests"][0];
        let document = self.document(root);
        match document["manifests"].as_array() {
            Some(list) => list.iter().map(|descriptor| self.document(descriptor)).collect(),
            None => vec![document],
        }
    }

    /// The digest of what a tag names.
    pub fn digest(&self) -> String {
        self.json("index.json")["manifests"][0]["digest"].as_str().unwrap().to_owned()
    }

    /// Expects every blob to have the digest that it is named by.
    pub fn verify_blobs(&self) {
        let blobs = self.folder.join("blobs/sha256");
        let names: Vec<_> = tree::files(&blobs);
        let output = Command::new("sha256sum").args(&names).current_dir(&blobs).output().unwrap();
        let expected: Vec<String> = names.iter().map(|name| format!("{name}  {name}")).collect();
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().collect::<Vec<_>>(), expected);
    }

    /// The files of a layer as `tar` lists them: mode, owner and group, name.
    pub fn listing(&self, layer: &Value) -> Vec<String> {
        let blob = self.folder.join(blob_path(layer["digest"].as_str().unwrap()));
        let mut command = Command::new("tar");
        command.args(["--numeric-owner", "-tvzf"]).arg(blob).env("TZ", "UTC");
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            [words[0], words[1], words[3], words[4], words[5]].join(" ")
        };
        text.lines().map(line).collect()
    }

    /// Unpacks the layers of a manifest, one over the other; returns the folder.
    pub fn unpack(&self, manifest: &Value) -> PathBuf {
        let digest = manifest["config"]["digest"].as_str().unwrap();
        let folder = self.folder.with_extension(&digest[7..19]);
        let _ = std::fs::remove_dir_all(&folder);
        for layer in manifest["layers"].as_array().unwrap() {
            unpack(&self.folder.join(blob_path(layer["digest"].as_str().unwrap())), &folder);
        }
        folder
    }
}

fn blob_path(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}

fn unpack(archive: &Path, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let status = Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(folder).status().unwrap();
    assert!(status.success(), "tar -xf {}", archive.display());
}
