//! Paths of the build machine are kept out of the program: panic messages and debug information would show them.

use camino::Utf8Path;

/// What is replaced by what, for the same program wherever it is built; what comes later counts more.
///
/// The places are those that rustc is called with absolute paths for: the workspace (for what its build scripts
/// generate), the sources that cargo downloaded, and `elsewhere`: the standard library where `rust-src` is installed, and
/// packages outside the workspace.
pub fn places(
    workspace: &Utf8Path,
    cargo_home: Option<&Utf8Path>,
    target: &Utf8Path,
    elsewhere: impl IntoIterator<Item = (String, String)>,
) -> Vec<(String, String)> {
    let mut places = vec![(workspace.to_string(), "/workspace".to_owned())];
    if !target.starts_with(workspace) {
        places.push((target.to_string(), "/workspace/target".to_owned()));
    }
    if let Some(home) = cargo_home {
        places.push((home.join("registry").join("src").to_string(), "/cargo/registry/src".to_owned()));
        places.push((home.join("git").join("checkouts").to_string(), "/cargo/git/checkouts".to_owned()));
    }
    places.extend(elsewhere);
    // Compilers take the last that fits: the most specific has to come last.
    places.sort_by_key(|(from, _)| from.len());
    places
}

/// The flags for rustc.
pub fn remap_flags(places: &[(String, String)]) -> Vec<String> {
    places.iter().map(|(from, to)| format!("--remap-path-prefix={from}={to}")).collect()
}

/// The flags for a C compiler, clang or gcc.
pub fn file_prefix_flags(places: &[(String, String)]) -> Vec<String> {
    places.iter().map(|(from, to)| format!("-ffile-prefix-map={from}={to}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_place_comes_last() {
        let places =
            places(Utf8Path::new("/home/me"), Some(Utf8Path::new("/home/me/.cargo")), Utf8Path::new("/t"), None);
        let flags = remap_flags(&places);
        assert_eq!(flags[0], "--remap-path-prefix=/t=/workspace/target");
        assert_eq!(flags[1], "--remap-path-prefix=/home/me=/workspace");
        assert_eq!(flags.len(), 4);
        assert_eq!(file_prefix_flags(&places)[0], "-ffile-prefix-map=/t=/workspace/target");
        let inside = super::places(Utf8Path::new("/w"), None, Utf8Path::new("/w/target"), None);
        assert_eq!(remap_flags(&inside), ["--remap-path-prefix=/w=/workspace"]);
    }
}
