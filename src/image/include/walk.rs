//! What is in a folder, but for what is left out.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::pattern::Pattern;
use super::{escaped, links, shown};
use crate::error::{Context, Error, Result};

/// What was found in a folder, by its path there with slashes; the folder itself has the empty path.
pub type Tree = BTreeMap<String, Node>;

/// One of the things in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A file.
    File(File),
    /// A folder.
    Folder,
    /// A symbolic link, and what it says, with slashes.
    Link(String),
}

/// A regular file that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path on this machine.
    pub path: Utf8PathBuf,
    /// Its owner may execute it.
    pub executable: bool,
}

/// The history of a repository: a folder, or a file that says where it is.
pub const GIT: &str = ".git";

/// Says what is left out of its folder.
const IGNORE: &str = ".scratchignore";

/// Marks a folder as a cache (<https://bford.info/cachedir/>), if it begins with [`CACHE_SIGNATURE`].
const CACHE: &str = "CACHEDIR.TAG";

const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Whether there is something in this folder of the tree.
pub fn holds_something(tree: &Tree, folder: &str) -> bool {
    if folder.is_empty() {
        return tree.len() > 1;
    }
    let inside = format!("{folder}/");
    tree.range(inside.clone()..).next().is_some_and(|(path, _)| path.starts_with(&inside))
}

/// What is in `folder`, or what of it matches `pattern`, with the folders on the way there. Nothing if nothing matches.
///
/// # Errors
/// [`crate::error::Exit::Usage`] for what can't be in an image, or a broken pattern in `exclude` or an ignore file;
/// [`crate::error::Exit::Failure`] for what can't be read.
pub fn tree(folder: &Utf8Path, boundary: &Utf8Path, exclude: &[String], pattern: Option<&Pattern>) -> Result<Tree> {
    let mut ignores = Vec::new();
    let above: Vec<_> = folder.ancestors().skip(1).take_while(|above| above.starts_with(boundary)).collect();
    for above in above.into_iter().rev() {
        ignores.extend(ignore_file(above.as_std_path())?);
    }
    let mut tree = Tree::new();
    if pattern.is_none() {
        tree.insert(String::new(), Node::Folder);
    }
    let mut walk = Walk { folder, exclude: excluded(folder, exclude)?, pattern, ignores, tree };
    walk.visit(Path::new(""), pattern.is_none())?;
    links::check(&walk.tree, folder)?;
    Ok(walk.tree)
}

/// A regular file that can be read. Nothing else is opened: a fifo would wait for its writer.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if it is something else, and [`crate::error::Exit::Failure`] if it can't be read.
pub fn file(path: &Path, metadata: &std::fs::Metadata) -> Result<File> {
    if !metadata.is_file() {
        return Err(Error::usage(format!("can't include {}: it is {}", shown(path), kind(metadata.file_type())))
            .help("only files, folders and links go into an image: leave it out with `exclude`"));
    }
    // Told now, and not after minutes of compiling.
    fs::File::open(path).context(|| format!("can't include {}", shown(path)))?;
    Ok(File { path: utf8(path)?.to_owned(), executable: is_executable(metadata) })
}

struct Walk<'a> {
    folder: &'a Utf8Path,
    exclude: Gitignore,
    pattern: Option<&'a Pattern>,
    /// The ignore files of the folders down to the current one.
    ignores: Vec<Gitignore>,
    tree: Tree,
}

impl Walk<'_> {
    /// Takes what is in a folder: all of it if the folder itself is `meant`, or else what matches.
    fn visit(&mut self, folder: &Path, meant: bool) -> Result<()> {
        // Not `join`, which ends with a slash if there is nothing to join.
        let path: PathBuf = self.folder.as_std_path().iter().chain(folder).collect();
        let reading = || format!("failed to include {}", shown(&path));
        let mut found = fs::read_dir(&path).context(reading)?.collect::<Result<Vec<_>, _>>().context(reading)?;
        let depth = self.ignores.len();
        self.ignores.extend(ignore_file(&path)?);
        found.sort_by_key(fs::DirEntry::file_name);
        for entry in found {
            let inside = folder.join(entry.file_name());
            self.look(&entry, &inside, meant)?;
        }
        self.ignores.truncate(depth);
        Ok(())
    }

    fn look(&mut self, entry: &fs::DirEntry, path: &Path, meant: bool) -> Result<()> {
        // That of the link, if it is one.
        let metadata = entry.metadata().context(|| format!("failed to include {}", shown(entry.path())))?;
        let is_folder = metadata.is_dir();
        if entry.file_name() == GIT || entry.file_name() == IGNORE || self.leaves_out(&entry.path(), is_folder) {
            return Ok(());
        }
        let meant = meant || self.pattern.is_some_and(|pattern| pattern.matches(path, is_folder));
        if is_folder {
            let enter = meant || self.pattern.is_some_and(|pattern| pattern.may_hold(path));
            if !enter || is_cache(&entry.path())? {
                return Ok(());
            }
            if meant {
                self.take(path, Node::Folder)?;
            }
            return self.visit(path, meant);
        }
        if !meant {
            return Ok(());
        }
        let path_here = entry.path();
        let node = if metadata.is_symlink() { link(&path_here)? } else { Node::File(file(&path_here, &metadata)?) };
        self.take(path, node)
    }

    fn take(&mut self, path: &Path, node: Node) -> Result<()> {
        for folder in path.ancestors().skip(1) {
            self.tree.entry(slashed(folder)?).or_insert(Node::Folder);
        }
        self.tree.insert(slashed(path)?, node);
        Ok(())
    }

    /// The nearest ignore file that has something to say decides, unless `exclude` does.
    fn leaves_out(&self, path: &Path, is_folder: bool) -> bool {
        let rules = std::iter::once(&self.exclude).chain(self.ignores.iter().rev());
        let verdicts = rules.map(|rules| rules.matched(path, is_folder));
        verdicts
            .into_iter()
            .find(|verdict| !verdict.is_none())
            .is_some_and(|verdict| matches!(verdict, Match::Ignore(_)))
    }
}

fn excluded(folder: &Utf8Path, exclude: &[String]) -> Result<Gitignore> {
    let doing = |text: &str| Error::usage(format!("`{}` in `exclude` is no pattern of gitignore(5)", escaped(text)));
    let mut rules = GitignoreBuilder::new(folder);
    for text in exclude {
        // There are no comments here.
        let line = if text.starts_with('#') { format!("\\{text}") } else { text.clone() };
        rules.add_line(None, &line).map_err(|error| doing(text).because(error))?;
    }
    rules.build().map_err(|error| doing(&exclude.join("`, `")).because(error))
}

fn ignore_file(folder: &Path) -> Result<Option<Gitignore>> {
    let path = folder.join(IGNORE);
    let reading = || format!("failed to read {}", shown(&path));
    match fs::metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        metadata if metadata.as_ref().is_ok_and(|metadata| !metadata.is_file()) => {
            return Err(Error::usage(format!("{} is not a file", shown(&path))));
        }
        metadata => metadata.map(|_| ()).context(reading)?,
    }
    let text = fs::read_to_string(&path).context(reading)?;
    let mut rules = GitignoreBuilder::new(folder);
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        rules.add_line(None, line).map_err(|error| {
            Error::usage(format!("line {} of {} is no pattern of gitignore(5)", number + 1, shown(&path)))
                .because(error)
        })?;
    }
    let rules = rules.build().map_err(|error| Error::usage(format!("{} is not valid", shown(&path))).because(error))?;
    Ok(Some(rules))
}

fn is_cache(folder: &Path) -> Result<bool> {
    let tag = folder.join(CACHE);
    if !fs::symlink_metadata(&tag).is_ok_and(|metadata| metadata.is_file()) {
        return Ok(false);
    }
    let mut start = Vec::new();
    let reading = fs::File::open(&tag).and_then(|file| file.take(CACHE_SIGNATURE.len() as u64).read_to_end(&mut start));
    reading.context(|| format!("failed to read {}", shown(&tag)))?;
    Ok(start == CACHE_SIGNATURE)
}

fn link(path: &Path) -> Result<Node> {
    let target = fs::read_link(path).context(|| format!("failed to include {}", shown(path)))?;
    match target.to_str() {
        Some(text) if !text.contains(|c: char| c.is_control()) => {
            Ok(Node::Link(if cfg!(windows) { text.replace('\\', "/") } else { text.to_owned() }))
        }
        _ => Err(Error::usage(format!(
            "the link {} to `{}` can't be in the image: the name has a control character or is not UTF-8",
            shown(path),
            shown(&target)
        ))),
    }
}

/// The path as an image has it.
fn slashed(path: &Path) -> Result<String> {
    let names: Vec<&str> = utf8(path)?.iter().collect();
    Ok(names.join("/"))
}

fn utf8(path: &Path) -> Result<&Utf8Path> {
    Utf8Path::from_path(path).ok_or_else(|| {
        Error::usage(format!("can't include {}: its name is not UTF-8", shown(path)))
            .help("give it another name, or leave it out with `exclude`")
    })
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o100 != 0
}

/// There is no such bit.
#[cfg(not(unix))]
fn is_executable(_metadata: &std::fs::Metadata) -> bool {
    false
}

#[cfg(unix)]
fn kind(file: std::fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match file {
        file if file.is_fifo() => "a fifo",
        file if file.is_socket() => "a socket",
        file if file.is_char_device() => "a character device",
        file if file.is_block_device() => "a block device",
        _ => "not a file",
    }
}

#[cfg(not(unix))]
fn kind(_file: std::fs::FileType) -> &'static str {
    "not a file"
}
