//! The user's own files: what `include = [{ source, target, … }]` and `--include SOURCE:TARGET` bring into the image.
//!
//! **Source**: a file, a folder or a glob, relative to the folder of the Cargo.toml that says it.
//! - A file becomes `target`, or lies in it if `target` ends with a slash.
//! - Of a folder, the content goes to `target`, as with docker's `COPY`; what is in it keeps its place.
//! - `*`, `?`, `[…]` and `{…,…}` match within a name, hidden ones too, and `**` any number of folders. Each match lies below
//!   `target` at its path from the folder before the first wildcard: `assets/**/*.css` for `/srv` puts `assets/a/b.css` at
//!   `/srv/a/b.css`. A folder that matches brings all that is in it. A path that exists is that path, wildcards or not.
//! - What is not there, or matches nothing, is an error. So is what lies outside of the workspace, be it by `..`, by an
//!   absolute path or by a link: an image gets no files of this machine by accident.
//!
//! **Left out** of folders and globs is what `exclude` and the `.scratchignore` files say, both in the syntax of gitignore(5);
//! `exclude` counts from the source folder and has the last word, and a `.scratchignore` speaks for its own folder and all
//! below, from the workspace's root down. What the source names itself is never left out.
//! `.gitignore` says nothing here: what is built into `dist` is in no repository, and is what people ship. Hidden files go in.
//! Never in are `.git`, which holds all that ever was, the `.scratchignore` files, and folders that a `CACHEDIR.TAG` marks as a
//! cache, such as cargo's `target`, unless the source lies in one.
//!
//! **Modes and owners** do not depend on this machine's umask and users: files have 0644, or 0755 if their owner may execute
//! them (on Windows nobody may), folders 0755, and all belong to root. `mode` is that of all files, and folders get it with
//! an `x` for each `r`; `uid` and `gid` are for both, and a lone `uid` is the group as well. All of it holds for what the
//! source brings, and for the `target` that a folder's content goes to; folders above `target` are root's. Bits such as setuid
//! are in the image only if `mode` says so.
//!
//! **Symbolic links** stay links if they lead to something that goes into the image by the same source. Others are errors:
//! absolute ones, ones that lead out of the source folder, to nothing, to what is left out, or in a circle. Links to folders
//! are not walked through. A source that is itself a link is what it leads to.
//!
//! **Refused** by name are fifos, sockets and devices, which are never opened; files that can't be read; names that are not
//! UTF-8 or have control characters, such as a line break, which lists of files and terminals take for something else; and
//! names that begin with `.wh.`, which in a layer delete a file. Two sources for one path are an error; folders may be shared.

mod links;
mod pattern;
mod source;
mod walk;

use std::collections::BTreeMap;
use std::path::Path;

use camino::Utf8Path;
use serde::Serialize;

pub use self::source::{Named, named};

use self::source::Source;
use self::walk::{Node, Tree};
use super::{Content, Entry, Owner, config};
use crate::error::{Error, Result};

/// Files of the user's and their place in the image; what it means is said in [the module](self).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Include {
    /// A file, a folder or a glob, relative to the manifest's folder.
    pub source: String,
    /// An absolute path in the image; a file goes into it if it ends with a slash.
    pub target: String,
    /// The permission bits of files; see [`parse_mode`] and [`mode_of_integer`].
    pub mode: Option<u32>,
    /// The user that it belongs to: root if there is none.
    pub uid: Option<u32>,
    /// The group that it belongs to: that of the user's number if there is none.
    pub gid: Option<u32>,
    /// Patterns in the syntax of gitignore(5) for what is left out of a folder or glob.
    pub exclude: Vec<String>,
}

impl Include {
    /// Includes `source` at `target`, with the usual modes, as root's, and all of it.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if there is no source, or the target is not an absolute path.
    pub fn new(source: impl Into<String>, target: impl Into<String>) -> Result<Include> {
        let (source, target) = (source.into(), target.into());
        if source.is_empty() {
            return Err(Error::usage(format!("nothing is named that is to be at `{}`", escaped(&target)))
                .help("`.` is the whole folder"));
        }
        let include = Include { source, target, mode: None, uid: None, gid: None, exclude: Vec::new() };
        include.place()?;
        Ok(include)
    }

    /// Reads the value of `--include`, `SOURCE:TARGET`. A source may have colons, such as that of a Windows drive: the target
    /// begins at the last one with a slash after it.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if a part is missing, or the target is not an absolute path.
    pub fn parse_flag(text: &str) -> Result<Include> {
        match text.rfind(":/").or_else(|| text.rfind(':')) {
            Some(colon) if !is_drive(text, colon) => Include::new(&text[..colon], &text[colon + 1..]),
            _ => Err(Error::usage(format!("`--include {}` does not say where in the image", escaped(text)))
                .help("write --include SOURCE:/path/in/the/image")),
        }
    }

    /// Where it goes in the image, without what says nothing.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if the target is not an absolute path.
    pub fn place(&self) -> Result<String> {
        let place = config::absolute("target", &self.target);
        place.map_err(|error| error.help(format!("it is where `{}` is to be", escaped(&self.source))))
    }

    /// Whom it belongs to.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] for a number that no Linux takes.
    pub fn owner(&self) -> Result<Owner> {
        let uid = self.uid.unwrap_or(0);
        let owner = Owner { uid, gid: self.gid.unwrap_or(uid) };
        match [owner.uid, owner.gid].into_iter().find(|id| *id > i32::MAX.cast_unsigned()) {
            Some(id) => Err(Error::usage(format!("`{}` can't belong to {id}: no Linux has such a user", self.source))),
            None => Ok(owner),
        }
    }

    /// The permission bits of folders, which can be entered by those who may read them, and have none of the special bits of
    /// files.
    pub fn folder_mode(&self) -> u32 {
        self.mode.map_or(0o755, |mode| (mode & 0o777) | ((mode & 0o444) >> 2))
    }

    fn file_mode(&self, executable: bool) -> u32 {
        self.mode.unwrap_or(if executable { 0o755 } else { 0o644 })
    }
}

/// Whether the colon is that of a Windows drive, `C:\…`, and so not before a target.
fn is_drive(text: &str, colon: usize) -> bool {
    let is_letter = text.starts_with(|c: char| c.is_ascii_alphabetic());
    colon == 1 && is_letter && (cfg!(windows) || text[2..].starts_with('\\'))
}

/// Reads permission bits as chmod(1) does, `0644` or `644`; `0o644` is Rust's spelling and TOML's.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if it is not octal digits, three of them at least.
pub fn parse_mode(text: &str) -> Result<u32> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o7777);
    mode.filter(|_| (3..=5).contains(&digits.len()) && !digits.starts_with('+'))
        .ok_or_else(|| Error::usage(format!("`{}` is not a file mode", escaped(text))).help("write 0644 or 755"))
}

/// Takes an integer of a configuration file for permission bits, where `0o644` arrives as 420.
///
/// # Errors
/// [`crate::error::Exit::Usage`] for what can only be the octal digits without their `0o`, such as 644, which as a number would
/// be mode 1204; special bits have to be written as a string.
pub fn mode_of_integer(integer: i64) -> Result<u32> {
    // The last of these are in range, and read as octal digits they are modes that people do give.
    match u32::try_from(integer) {
        Ok(mode) if mode <= 0o777 && ![400, 440, 444, 500].contains(&mode) => Ok(mode),
        _ => Err(Error::usage(format!("the integer {integer} is not a file mode"))
            .help(format!("write it in octal, as \"0{integer}\" or 0o{integer}"))),
    }
}

/// The files, folders and links that these bring, by path. They are looked for in `root`, the folder of the manifest that names
/// them, and may lie anywhere below `boundary`, the root of the workspace.
///
/// Files are opened, to see that they can be, and not read.
///
/// # Errors
/// [`crate::error::Exit::Usage`] for everything that [the module](self) refuses, and [`crate::error::Exit::Failure`] for what
/// can't be read.
pub fn entries(includes: &[Include], root: &Utf8Path, boundary: &Utf8Path) -> Result<Vec<Entry>> {
    let mut placed: BTreeMap<String, (Entry, &Include)> = BTreeMap::new();
    for include in includes {
        for entry in brought(include, source::find(include, root, boundary)?)? {
            check_path(&entry.path, include)?;
            match placed.get(&entry.path) {
                Some((other, _)) if *other == entry && entry.content == Content::Folder => {}
                Some((other, first)) => return Err(twice(other, first, &entry, include)),
                None => drop(placed.insert(entry.path.clone(), (entry, include))),
            }
        }
    }
    Ok(placed.into_values().map(|(entry, _)| entry).collect())
}

fn brought(include: &Include, source: Source) -> Result<Vec<Entry>> {
    let (place, owner) = (include.place()?, include.owner()?);
    let entries = match source {
        Source::File(file) => {
            let name = file.path.file_name().filter(|_| include.target.ends_with('/')).unwrap_or_default();
            let mode = include.file_mode(file.executable);
            vec![Entry::file(joined(&place, name), &file.path, mode)]
        }
        Source::Tree(tree) => {
            tree.iter().filter_map(|(path, node)| entry(include, &place, path, node, &tree)).collect()
        }
    };
    Ok(entries.into_iter().map(|entry| entry.owned_by(owner)).collect())
}

/// A folder that is like any other and holds something is not described: if the base image has it, or a layer below, it stays
/// as it is there.
fn entry(include: &Include, place: &str, path: &str, node: &Node, tree: &Tree) -> Option<Entry> {
    let at = joined(place, path);
    match node {
        Node::File(file) => Some(Entry::file(at, &file.path, include.file_mode(file.executable))),
        Node::Link(target) => Some(Entry::link(at, target)),
        Node::Folder => {
            let folder = Entry::folder(at).with_mode(include.folder_mode());
            let is_usual = folder.mode == 0o755 && matches!(include.owner(), Ok(owner) if owner == Owner::default());
            (folder.path != "/" && !(is_usual && walk::holds_something(tree, path))).then_some(folder)
        }
    }
}

fn joined(place: &str, path: &str) -> String {
    match (place, path) {
        (place, "") => place.to_owned(),
        (place, path) => format!("{}/{path}", place.trim_end_matches('/')),
    }
}

/// In bytes, on all the usual file systems.
const LONGEST_NAME: usize = 255;

/// What every container has of its own (OCI runtime specification, "default filesystems").
const MOUNTED: [&str; 3] = ["/dev", "/proc", "/sys"];

/// What can be listed one a line, and is a file to whoever unpacks the layer (OCI image specification, "whiteouts").
fn check_path(path: &str, include: &Include) -> Result<()> {
    let why = if path.contains(|c: char| c.is_control()) {
        "a name in it has a control character"
    } else if path.split('/').any(|name| name.starts_with(".wh.")) {
        "in a layer, a name with `.wh.` deletes a file"
    } else if path.split('/').any(|name| name.len() > LONGEST_NAME) {
        "a name in it is longer than file systems have them"
    } else if MOUNTED.iter().any(|folder| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))) {
        "an engine mounts another folder over it"
    } else {
        return Ok(());
    };
    Err(Error::usage(format!("`{}` can't be in the image: {why}", escaped(path))).help(format!(
        "it comes from `{}`: leave it out with `exclude`, or give it another name",
        escaped(&include.source)
    )))
}

fn twice(first: &Entry, one: &Include, second: &Entry, other: &Include) -> Error {
    let [one, other] = [one, other].map(|include| escaped(&include.source));
    let path = &first.path;
    match (&first.content, &second.content) {
        (Content::Folder, Content::Folder) => {
            Error::usage(format!("`{one}` and `{other}` give `{path}` different modes or owners"))
        }
        _ => Error::usage(format!("`{one}` and `{other}` are both to be at `{path}` in the image")),
    }
    .help("give one of them another `target`, or leave it out with `exclude`")
}

/// A path of this machine for a message.
fn shown(path: impl AsRef<Path>) -> String {
    let text = path.as_ref().to_string_lossy();
    escaped(text.strip_prefix(r"\\?\").unwrap_or(&text))
}

/// Text on one line, without commands to the terminal.
fn escaped(text: &str) -> String {
    let one = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(one).collect()
}

#[cfg(test)]
mod tests;
