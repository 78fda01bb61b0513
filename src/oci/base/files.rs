//! The file tree of a base image: what its layers give one over the other, without unpacking them.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};

use camino::Utf8Path;
use serde::{Deserialize, Serialize};
use tar::{Archive, EntryType};

use super::zstd::Frames;
use crate::interrupt;
use crate::oci::layer::Measured;

/// A file, folder or link of a base image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Node {
    /// A folder: its permission bits, its user and its group.
    Folder(u32, u32, u32),
    /// A symbolic link, and what it says.
    Link(String),
    /// Anything else.
    File,
}

/// The file tree of a base image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseFiles {
    /// By absolute path; the root folder is not named.
    nodes: BTreeMap<String, Node>,
    /// The content of files that may be `/etc/passwd` or `/etc/group`, or what these are links to.
    texts: BTreeMap<String, String>,
}

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip
    Gzip,
    /// Zstandard
    Zstd,
}

/// As many links as Linux follows in one path (path_resolution(7)).
const LINKS: usize = 40;

/// No system has a larger `/etc/passwd`.
const LARGEST_TEXT: u64 = 1 << 20;

impl BaseFiles {
    /// Puts a layer over what is there. Returns the digest of the uncompressed archive, and its size in bytes.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn apply(&mut self, layer: &Utf8Path, compression: Compression) -> io::Result<(String, u64)> {
        let file = BufReader::with_capacity(1 << 16, fs_err::File::open(layer)?);
        match compression {
            Compression::None => self.apply_tar(file),
            Compression::Gzip => self.apply_tar(flate2::read::MultiGzDecoder::new(file)),
            Compression::Zstd => self.apply_tar(Frames::new(file)),
        }
    }

    fn apply_tar(&mut self, tar: impl Read) -> io::Result<(String, u64)> {
        let mut measured = Tee { inner: tar, measured: Measured::new(io::sink()) };
        let mut layer: Vec<(String, Node)> = Vec::new();
        let mut texts = BTreeMap::new();
        let mut archive = Archive::new(&mut measured);
        for entry in archive.entries()? {
            if interrupt::is_set() {
                return Err(io::Error::other("interrupted"));
            }
            let mut entry = entry?;
            let Some(path) = normal(&String::from_utf8_lossy(&entry.path_bytes())) else { continue };
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
            if name == OPAQUE {
                self.remove_below(&self.resolve(parent));
                continue;
            }
            if let Some(name) = name.strip_prefix(WHITEOUT) {
                // Other names with this beginning are for tools of days gone by.
                if !name.starts_with(WHITEOUT) {
                    let path = format!("{}/{name}", self.resolve(parent));
                    self.remove(&path);
                }
                continue;
            }
            let kind = entry.header().entry_type();
            let link = entry.link_name_bytes().map(|link| String::from_utf8_lossy(&link).into_owned());
            let node = match kind {
                EntryType::Directory => {
                    let header = entry.header();
                    // A field that is left empty is a zero to all who unpack it.
                    let number = |read: io::Result<u64>| u32::try_from(read.unwrap_or(0)).unwrap_or(u32::MAX);
                    let mode = header.mode().unwrap_or(0o755) & 0o7777;
                    Node::Folder(mode, number(header.uid()), number(header.gid()))
                }
                EntryType::Symlink => Node::Link(link.clone().unwrap_or_default()),
                _ => Node::File,
            };
            if kind.is_hard_link() {
                let text = link.and_then(|link| texts.get(&normal(&link)?).cloned());
                texts.extend(text.map(|text| (path.clone(), text)));
            } else if kind.is_file() && is_text(name) && entry.size() <= LARGEST_TEXT {
                let mut text = Vec::new();
                entry.read_to_end(&mut text)?;
                texts.insert(path.clone(), String::from_utf8_lossy(&text).into_owned());
            }
            layer.push((path, node));
        }
        // What comes after the archive's end belongs to the digest too.
        io::copy(&mut measured, &mut io::sink())?;
        for (path, node) in layer {
            self.put(&path, node, texts.remove(&path));
        }
        let (_, digest, size) = measured.measured.finish();
        Ok((digest, size))
    }

    fn put(&mut self, path: &str, node: Node, text: Option<String>) {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let path = format!("{}/{name}", self.resolve(parent));
        if matches!(node, Node::Folder(..)) {
            self.texts.remove(&path);
        } else {
            self.remove(&path);
        }
        self.texts.extend(text.map(|text| (path.clone(), text)));
        self.nodes.insert(path, node);
    }

    fn remove(&mut self, path: &str) {
        self.nodes.remove(path);
        self.texts.remove(path);
        self.remove_below(path);
    }

    fn remove_below(&mut self, folder: &str) {
        let start = format!("{folder}/");
        // `0` is the character after `/`.
        let range = start.clone()..format!("{folder}0");
        let below: Vec<String> = self.nodes.range(range).map(|(path, _)| path.clone()).collect();
        for path in below {
            self.nodes.remove(&path);
            self.texts.remove(&path);
        }
    }

    /// Where a path leads once the links on its way are followed, the last part included. The root is the empty text.
    pub fn resolve(&self, path: &str) -> String {
        let mut left: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
        let mut resolved = String::new();
        let mut links = 0;
        while let Some(part) = left.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    resolved.truncate(resolved.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let next = format!("{resolved}/{part}");
            match self.nodes.get(&next) {
                Some(Node::Link(target)) if links < LINKS => {
                    links += 1;
                    if target.starts_with('/') {
                        resolved.clear();
                    }
                    left.extend(target.rsplit('/').map(str::to_owned));
                }
                _ => resolved = next,
            }
        }
        resolved
    }

    /// What is at this path, links followed.
    pub fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(&self.resolve(path)).filter(|node| !matches!(node, Node::Link(_)))
    }

    /// The content of `/etc/passwd` or `/etc/group`, links followed.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(&self.resolve(path)).map(String::as_str)
    }
}

/// What takes a name of a lower layer away, and what takes all of a folder away (OCI image specification, "layer").
const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// The absolute path of an archive's member; none for the root itself, and for what lies outside it.
fn normal(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| format!("/{}", parts.join("/")))
}

fn is_text(name: &str) -> bool {
    name.ends_with("passwd") || name.ends_with("group")
}

/// A reader that measures what goes through it.
struct Tee<R> {
    inner: R,
    measured: Measured<io::Sink>,
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        io::Write::write_all(&mut self.measured, &buffer[..read])?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Entry, Owner};
    use crate::oci::layer::{digest, write_tar};

    fn layered(layers: &[&[Entry]]) -> BaseFiles {
        let mut files = BaseFiles::default();
        for entries in layers {
            let tar = write_tar(entries, 0, Vec::new()).unwrap();
            assert_eq!(files.apply_tar(tar.as_slice()).unwrap(), (digest(&tar), tar.len() as u64));
        }
        files
    }

    fn file(path: &str) -> Entry {
        Entry::bytes(path, &b""[..])
    }

    fn paths(files: &BaseFiles) -> Vec<&str> {
        files.nodes.keys().map(String::as_str).collect()
    }

    #[test]
    fn whiteouts_take_away_what_lower_layers_have() {
        let files = layered(&[
            &[
                Entry::folder("/a"),
                file("/a/x"),
                file("/a/y"),
                file("/b"),
                file("/ab"),
                Entry::folder("/c"),
                file("/c/d"),
            ],
            &[file("/a/.wh..wh..opq"), file("/a/new"), file("/.wh.b"), file("/.wh.c"), file("/.wh..wh.plnk")],
        ]);
        assert_eq!(paths(&files), ["/a", "/a/new", "/ab"]);
    }

    #[test]
    fn a_whiteout_does_not_reach_into_its_own_layer() {
        let files = layered(&[&[Entry::folder("/a"), file("/a/x")], &[file("/a/new"), file("/a/.wh..wh..opq")]]);
        assert_eq!(paths(&files), ["/a", "/a/new"]);
    }

    #[test]
    fn links_are_followed_and_loops_end() {
        let files = layered(&[&[
            Entry::folder("/usr").owned_by(Owner { uid: 3, gid: 4 }),
            Entry::folder("/usr/lib").with_mode(0o1777),
            Entry::link("/lib", "usr/lib"),
            Entry::link("/tmp", "/lib/../lib"),
            Entry::link("/up", "../../usr"),
            Entry::link("/loop", "loop"),
            Entry::link("/gone", "/nowhere"),
            file("/lib/x"),
        ]]);
        assert_eq!(files.resolve("/tmp/x"), "/usr/lib/x");
        assert_eq!(files.get("/tmp"), Some(&Node::Folder(0o1777, 0, 0)));
        assert_eq!(files.get("/up"), Some(&Node::Folder(0o755, 3, 4)));
        assert_eq!(files.get("/usr/lib/x"), Some(&Node::File));
        for path in ["/loop", "/loop/x", "/gone", "/nowhere", "/"] {
            assert_eq!(files.get(path), None, "{path}");
        }
    }

    #[test]
    fn what_takes_the_place_of_a_folder_takes_away_what_was_in_it() {
        let base = [Entry::folder("/a"), file("/a/x")];
        assert_eq!(paths(&layered(&[&base, &[file("/a")]])), ["/a"]);
        assert_eq!(paths(&layered(&[&base, &[Entry::folder("/a")]])), ["/a", "/a/x"]);
    }

    #[test]
    fn users_are_read_wherever_they_lie() {
        let passwd = |path: &str, text: &'static str| Entry::bytes(path, text.as_bytes());
        let files = layered(&[
            &[passwd("/etc/passwd", "old"), passwd("/etc/group", "g")],
            &[Entry::link("/etc/passwd", "../nix/abc-passwd"), passwd("/nix/abc-passwd", "new")],
        ]);
        assert_eq!((files.text("/etc/passwd"), files.text("/etc/group")), (Some("new"), Some("g")));
        let gone = layered(&[&[passwd("/etc/passwd", "old")], &[file("/etc/.wh.passwd")]]);
        assert_eq!(gone.text("/etc/passwd"), None);
    }
}
