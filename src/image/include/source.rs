//! What a source names: one file, or a tree of them, within the workspace.

use std::io::{self, ErrorKind};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

use super::pattern::Pattern;
use super::walk::{self, File, Tree};
use super::{Include, escaped, shown};
use crate::error::{Context, Error, Result, nearest};

/// What a source names.
#[derive(Debug)]
pub enum Source {
    /// A file.
    File(File),
    /// The content of a folder, or the matches of a glob.
    Tree(Tree),
}

/// What a source names, by what it says: links are not followed, and nothing is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A file.
    File(Utf8PathBuf),
    /// A folder.
    Folder(Utf8PathBuf),
    /// What matches in a folder: the folder, and the rest of the glob.
    Glob(Utf8PathBuf, String),
}

/// Tells what an include names, relative to `root`.
pub fn named(include: &Include, root: &Utf8Path) -> Named {
    let text = slashed(&include.source);
    let path = root.join(&text);
    if is_glob(&text, root) {
        let (folder, glob) = Pattern::split(&text);
        return Named::Glob(root.join(folder), glob.to_owned());
    }
    if path.is_dir() { Named::Folder(path) } else { Named::File(path) }
}

/// Finds what an include names, relative to `root` and below `boundary`.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if it is not there, lies elsewhere, or can't be in an image;
/// [`crate::error::Exit::Failure`] if it can't be read.
pub fn find(include: &Include, root: &Utf8Path, boundary: &Utf8Path) -> Result<Source> {
    let text = slashed(&include.source);
    let boundary = canonical(boundary).context(|| format!("failed to find {}", shown(boundary)))?;
    if is_glob(&text, root) {
        return matches(include, &text, root, &boundary).map(Source::Tree);
    }
    let path = resolved(&include.source, &root.join(&text), &boundary)?;
    let metadata = fs::metadata(&path).context(|| format!("failed to include {}", shown(&path)))?;
    if metadata.is_dir() {
        return walk::tree(&path, &boundary, &include.exclude, None).map(Source::Tree);
    }
    walk::file(path.as_std_path(), &metadata).map(Source::File)
}

fn slashed(source: &str) -> String {
    if cfg!(windows) { source.replace('\\', "/") } else { source.to_owned() }
}

fn is_glob(source: &str, root: &Utf8Path) -> bool {
    Pattern::has_wildcard(source) && fs::symlink_metadata(root.join(source)).is_err()
}

fn matches(include: &Include, text: &str, root: &Utf8Path, boundary: &Utf8Path) -> Result<Tree> {
    let source = escaped(&include.source);
    let (folder, glob) = Pattern::split(text);
    if glob.split('/').any(|name| name == "..") {
        return Err(Error::usage(format!("`{source}` has a `..` after a wildcard")));
    }
    let pattern =
        Pattern::parse(glob).map_err(|error| Error::usage(format!("`{source}` is no glob")).because(error))?;
    let folder = resolved(&include.source, &root.join(folder), boundary)?;
    let tree = walk::tree(&folder, boundary, &include.exclude, Some(&pattern))?;
    if tree.is_empty() {
        return Err(Error::usage(format!("nothing in {} matches `{source}`", shown(&folder)))
            .help("`*` stays within a name, `**` goes into folders, and what is left out does not match"));
    }
    Ok(tree)
}

/// The path without links and `..`, if it lies below `boundary`, which has none.
fn resolved(source: &str, path: &Utf8Path, boundary: &Utf8Path) -> Result<Utf8PathBuf> {
    let real = match canonical(path) {
        Ok(real) => real,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(missing(source, path, boundary));
        }
        Err(error) => return Err(error).context(|| format!("failed to include {}", shown(path))),
    };
    let Ok(below) = real.strip_prefix(boundary) else {
        return Err(outside(source, &real, boundary));
    };
    if below.components().any(|name| name.as_str() == walk::GIT) {
        return Err(Error::usage(format!("`{}` lies in `.git`, which is never included", escaped(source))));
    }
    Ok(real)
}

fn outside(source: &str, real: &Utf8Path, boundary: &Utf8Path) -> Error {
    let (source, real, boundary) = (escaped(source), shown(real), shown(boundary));
    Error::usage(format!("`{source}` leads to {real}, which is outside of the workspace {boundary}"))
        .help("copy it into the workspace: an image gets no other files of this machine")
}

fn missing(source: &str, path: &Utf8Path, boundary: &Utf8Path) -> Error {
    if let Ok(target) = fs::read_link(path) {
        let (path, target) = (shown(path), shown(target));
        return Error::usage(format!("can't include {path}: it is a link to `{target}`, which is not there"));
    }
    let above = path.ancestors().skip(1).find_map(|above| Some((above, canonical(above).ok()?)));
    let error = Error::usage(format!("there is no {} to include", shown(path)));
    let Some((above, folder)) = above else { return error };
    if !folder.starts_with(boundary) {
        return outside(source, &folder, boundary);
    }
    let wanted = path.strip_prefix(above).ok().and_then(|rest| rest.components().next());
    let names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let near = wanted.and_then(|wanted| nearest(wanted.as_str(), names.iter().map(String::as_str)));
    error.maybe_help(near.map(|near| format!("a file with a similar name exists: `{}`", escaped(near))))
}

fn canonical(path: &Utf8Path) -> io::Result<Utf8PathBuf> {
    let real = fs::canonicalize(path)?;
    Utf8PathBuf::from_path_buf(real).map_err(|path| io::Error::other(format!("{} is not UTF-8", shown(path))))
}
