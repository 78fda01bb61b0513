//! Symbolic links, followed among what goes into the image and nowhere else.

use camino::{Utf8Component, Utf8Path};
use fs_err as fs;

use super::walk::{Node, Tree};
use super::{escaped, shown};
use crate::error::{Error, Result};

/// As Linux: what has more links on its way is a loop (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Why a link can't be in the image.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    /// It means another file in the image than here.
    Absolute,
    /// It leads upwards out of the folder.
    Leaves,
    /// There is nothing at this path among what goes in.
    Missing(String),
    /// The links, by name, up to the one that came before.
    Loop(Vec<String>),
}

/// Looks whether every link leads to something in the tree, which was found in `folder`.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if one does not.
pub fn check(tree: &Tree, folder: &Utf8Path) -> Result<()> {
    for (path, node) in tree {
        if let Node::Link(text) = node {
            follow(tree, path, text).map_err(|fault| refused(folder, path, text, &fault))?;
        }
    }
    Ok(())
}

/// Goes where the kernel would go, one name after the other.
fn follow<'a>(tree: &'a Tree, path: &'a str, text: &'a str) -> Result<(), Fault> {
    let mut links = vec![path];
    let mut at: Vec<&str> = path.split('/').collect();
    let mut ahead: Vec<&str> = Vec::new();
    let mut link = Some(text);
    loop {
        if let Some(text) = link.take() {
            if is_absolute(text) {
                return Err(Fault::Absolute);
            }
            at.pop();
            ahead.extend(text.rsplit('/'));
        }
        let Some(name) = ahead.pop() else { return Ok(()) };
        match name {
            "" | "." => continue,
            ".." if at.pop().is_none() => return Err(Fault::Leaves),
            ".." => continue,
            _ => at.push(name),
        }
        match tree.get_key_value(&at.join("/")) {
            Some((_, Node::Folder)) => {}
            Some((_, Node::File(_))) if ahead.is_empty() => {}
            Some((path, Node::Link(text))) => {
                links.push(path);
                if links.len() > MOST_LINKS {
                    return Err(Fault::Loop(first_round(&links)));
                }
                link = Some(text);
            }
            _ => {
                at.extend(ahead.iter().rev());
                return Err(Fault::Missing(at.join("/")));
            }
        }
    }
}

fn first_round(links: &[&str]) -> Vec<String> {
    let repeats = |at: &usize| links[..*at].contains(&links[*at]);
    let end = (0..links.len()).find(repeats).unwrap_or(links.len() - 1);
    links[..=end].iter().map(|&link| link.to_owned()).collect()
}

fn is_absolute(text: &str) -> bool {
    matches!(Utf8Path::new(text).components().next(), Some(Utf8Component::RootDir | Utf8Component::Prefix(_)))
}

fn refused(folder: &Utf8Path, path: &str, text: &str, fault: &Fault) -> Error {
    let why = match fault {
        Fault::Absolute => "absolute, and means another file in the image".to_owned(),
        Fault::Leaves => format!("out of {}", shown(folder)),
        Fault::Loop(links) => format!("in a circle: {}", escaped(&links.join(" -> "))),
        Fault::Missing(path) if fs::symlink_metadata(folder.join(path)).is_ok() => {
            format!("to {}, which is left out of the image", shown(folder.join(path)))
        }
        Fault::Missing(path) => format!("to {}, which is not there", shown(folder.join(path))),
    };
    let why = if *fault == Fault::Absolute { format!("is {why}") } else { format!("leads {why}") };
    Error::usage(format!("the link {} to `{}` {why}", shown(folder.join(path)), escaped(text)))
        .help("let it lead to something that is included with it, or leave it out with `exclude`")
}

#[cfg(test)]
mod tests {
    use super::super::walk::File;
    use super::*;

    fn tree(links: &[(&str, &str)]) -> Tree {
        let file = |path: &str| (path.to_owned(), Node::File(File { path: path.into(), executable: false }));
        let folders = ["", "a", "a/b"].map(|path| (path.to_owned(), Node::Folder));
        let links = links.iter().map(|(path, text)| ((*path).to_owned(), Node::Link((*text).to_owned())));
        folders.into_iter().chain([file("a/b/f"), file("g")]).chain(links).collect()
    }

    fn fault(path: &str, text: &str, others: &[(&str, &str)]) -> Option<Fault> {
        follow(&tree(others), path, text).err()
    }

    #[test]
    fn links_lead_to_what_is_inside() {
        for text in ["g", "./g", "a", "a/", "a/b/f", "a/../g", "a//b/./f", "."] {
            assert_eq!(fault("l", text, &[]), None, "{text}");
        }
        assert_eq!(fault("a/b/l", "../../g", &[]), None);
        assert_eq!(fault("a/b/l", "../..", &[]), None);
    }

    #[test]
    fn links_that_lead_elsewhere_are_refused() {
        let missing = |path: &str| Some(Fault::Missing(path.to_owned()));
        assert_eq!(fault("l", "/g", &[]), Some(Fault::Absolute));
        assert_eq!(fault("l", "..", &[]), Some(Fault::Leaves));
        assert_eq!(fault("l", "../x/g", &[]), Some(Fault::Leaves));
        assert_eq!(fault("a/l", "b/../../../x", &[]), Some(Fault::Leaves));
        assert_eq!(fault("l", "x/y", &[]), missing("x/y"));
        assert_eq!(fault("l", "g/../g", &[]), missing("g/../g"));
        assert_eq!(fault("l", "g/x", &[]), missing("g/x"));
    }

    /// `..` after a link starts from where the link leads, not from where it is.
    #[test]
    fn links_on_the_way_are_followed() {
        let others = [("d", "a/b"), ("a/up", "../..")];
        assert_eq!(fault("l", "d/f", &others), None);
        assert_eq!(fault("l", "d/../b/f", &others), None);
        assert_eq!(fault("l", "d/../../d/f", &others), None);
        assert_eq!(fault("l", "d/../g", &others), Some(Fault::Missing("a/g".into())));
        assert_eq!(fault("l", "a/up/g", &others), Some(Fault::Leaves));
    }

    #[test]
    fn loops_are_named() {
        let round = |links: &[&str]| Some(Fault::Loop(links.iter().map(|&link| link.to_owned()).collect()));
        assert_eq!(fault("l", "l", &[("l", "l")]), round(&["l", "l"]));
        assert_eq!(fault("l", "m", &[("l", "m"), ("m", "a/n"), ("a/n", "../l")]), round(&["l", "m", "a/n", "l"]));
        // One that grows as it goes round.
        assert_eq!(fault("l", "l/x", &[("l", "l/x")]), round(&["l", "l"]));
    }
}
