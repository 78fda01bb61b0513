//! The glob of a source: which paths match it, and which folders need not be looked into.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

/// A glob below the folder before its first wildcard.
#[derive(Debug)]
pub struct Pattern {
    whole: GlobMatcher,
    /// It ends with a slash.
    only_folders: bool,
    /// What folders match that can have matches in them, by depth.
    above: Vec<GlobMatcher>,
    /// Below these, matches can be anywhere.
    any_depth: bool,
}

impl Pattern {
    /// Whether a source can be a glob.
    pub fn has_wildcard(source: &str) -> bool {
        source.contains(WILDCARDS)
    }

    /// Divides a source into the folder before the first name with a wildcard, and the glob.
    pub fn split(source: &str) -> (&str, &str) {
        let wildcard = source.find(WILDCARDS).unwrap_or(source.len());
        source.split_at(source[..wildcard].rfind('/').map_or(0, |slash| slash + 1))
    }

    /// Reads a glob.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(glob: &str) -> Result<Pattern, globset::Error> {
        let names = glob.trim_end_matches('/');
        let mut above = Vec::new();
        let mut any_depth = false;
        for (slash, _) in names.match_indices('/') {
            let last = names[..slash].rsplit('/').next().unwrap_or_default();
            // What is no glob by itself goes on after the slash, as in `{a/b,c}`.
            match matcher(&names[..slash]) {
                Ok(matcher) if !last.contains("**") => above.push(matcher),
                _ => {
                    any_depth = true;
                    break;
                }
            }
        }
        let any_depth = any_depth || names.rsplit('/').next().is_some_and(|last| last.contains("**"));
        Ok(Pattern { whole: matcher(names)?, only_folders: glob.ends_with('/'), above, any_depth })
    }

    /// Whether this path, relative to the glob's folder, is meant.
    pub fn matches(&self, path: &Path, is_folder: bool) -> bool {
        (is_folder || !self.only_folders) && self.whole.is_match(path)
    }

    /// Whether something in this folder, which is not meant itself, can be.
    pub fn may_hold(&self, folder: &Path) -> bool {
        match self.above.get(folder.components().count().saturating_sub(1)) {
            Some(matcher) => matcher.is_match(folder),
            None => self.any_depth,
        }
    }
}

const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];

fn matcher(glob: &str) -> Result<GlobMatcher, globset::Error> {
    Ok(GlobBuilder::new(glob).literal_separator(true).build()?.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_ends_before_the_first_wildcard() {
        for (source, parts) in [
            ("assets/**/*.css", ("assets/", "**/*.css")),
            ("*.toml", ("", "*.toml")),
            ("a/b?/c", ("a/", "b?/c")),
            ("/x/{a/b,c}", ("/x/", "{a/b,c}")),
            ("/*", ("/", "*")),
        ] {
            assert_eq!(Pattern::split(source), parts);
        }
    }

    #[test]
    fn stars_stay_within_a_name() {
        let matches = |glob: &str, path: &str| Pattern::parse(glob).unwrap().matches(Path::new(path), false);
        assert!(matches("*.css", "a.css") && matches("*", ".hidden") && matches("**/*.css", "a.css"));
        assert!(matches("**/*.css", "x/y/a.css") && matches("{a/b,c}/d", "a/b/d"));
        assert!(!matches("*.css", "x/a.css") && !matches("*/", "file") && !matches("*.css", "A.CSS"));
        assert!(Pattern::parse("*/").unwrap().matches(Path::new("folder"), true));
        assert!(Pattern::parse("[").is_err());
    }

    #[test]
    fn only_folders_that_can_hold_a_match_are_looked_into() {
        let may = |glob: &str, folder: &str| Pattern::parse(glob).unwrap().may_hold(Path::new(folder));
        assert!(may("a*/b/*.css", "ab") && may("a*/b/*.css", "ab/b") && may("**/x", "a/b/c") && may("a/**", "a/b"));
        assert!(may("a*/**/x", "ab/c/d") && may("{a/b,c}/d", "a") && may("{a/b,c}/d", "a/b"));
        assert!(!may("*.toml", "target") && !may("a*/b/*.css", "x") && !may("a*/b/*.css", "ab/c"));
        assert!(!may("a*/b/*.css", "ab/b/c") && !may("a/**/x", "b"));
    }
}
