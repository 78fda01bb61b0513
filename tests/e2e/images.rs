//! What is in an image, in skopeo's, tar's and the file system's words.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{Cmd, Project};

/// An image as a folder: an OCI image layout that skopeo wrote.
pub struct Layout {
    folder: Rc<tempfile::TempDir>,
}

/// The image of one platform.
pub struct PlatformImage {
    /// `os/arch`
    pub platform: String,
    /// The digest of its configuration, which names its layers too.
    pub id: String,
    /// The names of its layers as cargo-scratch has them, lowest first; whatever else the history says, for others' images.
    pub history: Vec<String>,
    /// What its configuration says.
    pub config: Config,
    /// What its layers give when they are unpacked one over the other, by path.
    pub files: BTreeMap<String, File>,
    /// The unpacked layers.
    pub root: PathBuf,
    /// Removed at the end.
    _folder: Rc<tempfile::TempDir>,
}

/// A file or folder, in all that an image keeps of it.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// Its type and permission bits, as `stat` has them.
    pub mode: u32,
    pub owner: (u32, u32),
    /// Seconds since the epoch.
    pub mtime: i64,
    /// The SHA-256 of its content; of a link what it says.
    pub content: String,
}

/// What an image configuration says of how to start it, whoever wrote it.
#[derive(Debug, PartialEq, Eq)]
pub struct Config {
    pub platform: String,
    pub created: Value,
    pub user: Value,
    pub entrypoint: Value,
    pub cmd: Value,
    pub workdir: Value,
    pub env: Value,
    /// An empty table where there are none.
    pub labels: Value,
    /// As the labels.
    pub ports: Value,
    /// Whatever is none of the above.
    pub others: serde_json::Map<String, Value>,
}

impl Layout {
    /// Copies an image with all its platforms; `from` is in skopeo's spelling, `docker://…` or `oci-archive:…`.
    #[track_caller]
    pub fn copied(project: &Project, from: &str) -> Layout {
        let folder = Rc::new(tempfile::tempdir().unwrap());
        let copy = project.skopeo().args(["copy", "--quiet", "--all", "--src-tls-verify=false", from]);
        copy.arg(format!("oci:{}:x", folder.path().join("layout").display())).run().succeeded();
        Layout { folder }
    }

    /// Its images, unpacked, in the order of its index.
    #[track_caller]
    pub fn unpacked(&self) -> Vec<PlatformImage> {
        self.manifests().iter().map(|manifest| self.unpack(manifest)).collect()
    }

    /// The manifests of its platforms, without attestations, in the order of its index.
    pub fn manifests(&self) -> Vec<Value> {
        let index = self.read(&self.layout().join("index.json"));
        let root = self.blob(&index["manifests"][0]);
        match root["manifests"].as_array() {
            Some(manifests) => {
                let images = manifests.iter().filter(|descriptor| descriptor["platform"]["os"] != "unknown");
                images.map(|descriptor| self.blob(descriptor)).collect()
            }
            None => vec![root],
        }
    }

    fn unpack(&self, manifest: &Value) -> PlatformImage {
        let text = self.blob(&manifest["config"]);
        let config = Config::read(&text);
        let steps = text["history"].as_array().into_iter().flatten().filter(|step| step["empty_layer"] != true);
        let history = steps.map(|step| step["created_by"].as_str().unwrap_or_default().to_owned()).collect();
        let root = self.folder.path().join(config.platform.replace('/', "-"));
        fs_err::create_dir_all(&root).unwrap();
        for layer in manifest["layers"].as_array().unwrap() {
            // As root, it gives files the owners and times that the archive says.
            let tar = Cmd::new("tar").args(["--extract", "--numeric-owner", "--same-permissions", "--same-owner"]);
            tar.arg("--file").arg(self.blob_path(layer)).arg("--directory").arg(&root).run().succeeded();
        }
        let mut files = BTreeMap::new();
        walk(&root, &root, &mut files);
        PlatformImage {
            platform: config.platform.clone(),
            id: manifest["config"]["digest"].as_str().unwrap().to_owned(),
            history,
            config,
            files,
            root,
            _folder: Rc::clone(&self.folder),
        }
    }

    fn layout(&self) -> PathBuf {
        self.folder.path().join("layout")
    }

    fn blob_path(&self, descriptor: &Value) -> PathBuf {
        let digest = descriptor["digest"].as_str().unwrap();
        self.layout().join("blobs").join(digest.replace(':', "/"))
    }

    fn blob(&self, descriptor: &Value) -> Value {
        self.read(&self.blob_path(descriptor))
    }

    fn read(&self, path: &Path) -> Value {
        serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap()
    }
}

impl Config {
    fn read(text: &Value) -> Config {
        let mut config = text["config"].as_object().unwrap().clone();
        // BuildKit adds it to every CMD; it means something on Windows alone.
        config.remove("ArgsEscaped");
        let mut take = |key: &str| config.remove(key).unwrap_or_default();
        let table = |value: Value| if value.is_null() { Value::Object(serde_json::Map::new()) } else { value };
        Config {
            // Every arm64 is a v8.
            platform: [&text["os"], &text["architecture"], &text["variant"]]
                .into_iter()
                .filter_map(|part| part.as_str().filter(|part| *part != "v8"))
                .collect::<Vec<_>>()
                .join("/"),
            created: text["created"].clone(),
            user: take("User"),
            entrypoint: take("Entrypoint"),
            cmd: take("Cmd"),
            workdir: take("WorkingDir"),
            env: take("Env"),
            labels: table(take("Labels")),
            ports: table(take("ExposedPorts")),
            others: config,
        }
    }
}

fn walk(root: &Path, folder: &Path, files: &mut BTreeMap<String, File>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs_err::symlink_metadata(&path).unwrap();
        let content = match metadata.file_type() {
            kind if kind.is_file() => sha256(&fs_err::read(&path).unwrap()),
            kind if kind.is_symlink() => fs_err::read_link(&path).unwrap().display().to_string(),
            _ => String::new(),
        };
        let file =
            File { mode: metadata.mode(), owner: (metadata.uid(), metadata.gid()), mtime: metadata.mtime(), content };
        files.insert(format!("/{}", path.strip_prefix(root).unwrap().display()), file);
        if metadata.is_dir() {
            walk(root, &path, files);
        }
    }
}

/// In hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
