//! Globs and exclusions as the words of find(1), which is what there is in the container.
//!
//! A pattern is translated if find means the same by it, and refused otherwise. Its regular expressions are those that GNU's
//! find, whose default is Emacs' syntax, and Busybox', which takes POSIX' basic one, read alike.

/// Why a pattern can't be translated.
pub type Reason = &'static str;

/// What a glob matches, and all that is in a folder that it matches.
///
/// # Errors
/// The reason, if find can't do it.
pub fn matching(glob: &str) -> Result<Vec<String>, Reason> {
    let names = glob.trim_end_matches('/');
    let regex = regex(names)?;
    let inside = format!("{regex}/.*");
    Ok([found(&regex, names != glob), vec!["-o".to_owned()], found(&inside, false)].concat())
}

/// What a line in the syntax of gitignore(5) leaves out; nothing if it is empty.
///
/// # Errors
/// The reason, if find can't do it.
pub fn excluded(line: &str) -> Result<Vec<String>, Reason> {
    let line = line.trim_end();
    if line.is_empty() {
        return Ok(Vec::new());
    }
    if line.starts_with('!') {
        return Err("`!` takes back what another pattern says");
    }
    let names = line.strip_suffix('/').unwrap_or(line);
    // With a slash it counts from the folder, without one it is a name anywhere.
    let anchored = names.strip_prefix('/');
    let glob = match anchored {
        Some(path) => path.to_owned(),
        None if names.contains('/') || names == "**" => names.to_owned(),
        None => format!("**/{names}"),
    };
    Ok(found(&regex(&glob)?, names != line))
}

fn found(regex: &str, only_folders: bool) -> Vec<String> {
    let folders = if only_folders { ["-type", "d"].as_slice() } else { &[] };
    folders.iter().chain(&["-regex", regex]).map(|word| (*word).to_owned()).collect()
}

/// The regular expression for a path from `.`, as find prints it.
fn regex(glob: &str) -> Result<String, Reason> {
    let names: Vec<&str> = glob.split('/').collect();
    let mut regex = String::from(r"\.");
    // Slashes come with what is after them: any number of folders may be none.
    for (at, name) in names.iter().enumerate() {
        let is_last = at + 1 == names.len();
        match *name {
            "**" if at > 0 && names[at - 1] == "**" => return Err("`**` twice in a row"),
            "**" if is_last => regex.push_str("/.*"),
            "**" => regex.push_str(r"\(/.*\)*"),
            "" | "." | ".." => return Err("it has a part without a name"),
            name => {
                regex.push('/');
                push_name(&mut regex, name)?;
            }
        }
    }
    Ok(regex)
}

fn push_name(regex: &mut String, name: &str) -> Result<(), Reason> {
    let mut in_braces = false;
    let mut last = ' ';
    for c in name.chars() {
        match c {
            '*' if last == '*' => return Err("`**` is no part of a name"),
            '*' => regex.push_str("[^/]*"),
            '{' if in_braces => return Err("braces within braces"),
            '{' => {
                in_braces = true;
                regex.push_str(r"\(");
            }
            ',' | '}' if in_braces && matches!(last, '{' | ',') => return Err("nothing between two commas or braces"),
            ',' if in_braces => regex.push_str(r"\|"),
            '}' if in_braces => {
                in_braces = false;
                regex.push_str(r"\)");
            }
            // One byte there, and one character here.
            '?' => return Err("`?`"),
            '[' | ']' | '\\' | '}' => return Err("`[…]` or a backslash"),
            c if c.is_control() => return Err("a control character"),
            '.' | '^' | '$' => regex.extend(['\\', c]),
            '+' => regex.push_str("[+]"),
            c => regex.push(c),
        }
        last = c;
    }
    if in_braces { Err("a brace that is not closed") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_find_means_by_the_same_is_translated() {
        for (glob, expected) in [
            ("*.css", r"\./[^/]*\.css"),
            ("a+b/$c^/*", r"\./a[+]b/\$c\^/[^/]*"),
            ("**/*.css", r"\.\(/.*\)*/[^/]*\.css"),
            ("a/**/b", r"\./a\(/.*\)*/b"),
            ("a/**", r"\./a/.*"),
            ("**", r"\./.*"),
            ("*.{css,js}", r"\./[^/]*\.\(css\|js\)"),
            ("it's (ä|b) #", r"\./it's (ä|b) #"),
        ] {
            assert_eq!(regex(glob).unwrap(), expected, "{glob}");
        }
        assert_eq!(matching("a*/").unwrap().join(" "), r"-type d -regex \./a[^/]* -o -regex \./a[^/]*/.*");
    }

    #[test]
    fn exclusions_are_names_or_paths() {
        let words = |line: &str| excluded(line).unwrap().join(" ");
        assert_eq!(words("*.map  "), r"-regex \.\(/.*\)*/[^/]*\.map");
        assert_eq!(words("drafts/"), r"-type d -regex \.\(/.*\)*/drafts");
        assert_eq!(words("/a"), r"-regex \./a");
        assert_eq!(words("a/b"), r"-regex \./a/b");
        assert_eq!(words("a/**"), r"-regex \./a/.*");
        assert_eq!(words("#x"), r"-regex \.\(/.*\)*/#x");
        assert_eq!(words("  "), "");
    }

    #[test]
    fn the_rest_is_refused() {
        for glob in ["a?", "[ab]", r"a\*", "a**", "**/**/a", "a//b", "{a,{b,c}}", "{a,}", "{a", "a}", "{a/b,c}", "../a"]
        {
            assert!(regex(glob).is_err(), "{glob}");
            assert!(excluded(glob).is_err(), "{glob}");
        }
        assert_eq!(excluded("!a"), Err("`!` takes back what another pattern says"));
    }
}
