//! Docker with buildx from a newer Debian release, unpacked beside the system instead of installed into it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use xshell::{Shell, cmd};

use super::debian;
use super::place::Place;
use crate::console;

/// The first release whose Docker has buildx and can use the containerd image store.
const SUITE: &str = "trixie";

const PACKAGES: &[&str] = &["containerd", "docker-buildx", "docker-cli", "docker.io"];

/// Where the packages are unpacked.
pub fn docker_root(place: &Place) -> PathBuf {
    place.state("docker")
}

/// Downloads and unpacks Docker unless it is there.
pub fn ensure_docker(sh: &Shell, place: &Place) -> anyhow::Result<()> {
    let root = docker_root(place);
    if root.exists() {
        return Ok(());
    }
    console::status("Unpacking", format!("Docker of Debian {SUITE}"));
    let debs = download(sh, place).with_context(|| format!("Docker could not be downloaded from Debian {SUITE}"))?;
    unpack(sh, &debs, &root)
}

/// Unpacks into a folder that gets its name last, so that an interrupted run leaves nothing that looks complete.
fn unpack(sh: &Shell, debs: &[PathBuf], root: &Path) -> anyhow::Result<()> {
    let partial = root.with_extension("partial");
    sh.remove_path(&partial)?;
    for deb in debs {
        cmd!(sh, "dpkg --extract {deb} {partial}").quiet().run()?;
    }
    fs_err::rename(&partial, root)?;
    Ok(())
}

fn download(sh: &Shell, place: &Place) -> anyhow::Result<Vec<PathBuf>> {
    let apt = place.state("apt");
    let options = &apt_options(&apt);
    write_sources(&apt.join("sources"))?;
    fs_err::create_dir_all(apt.join("lists/partial"))?;
    fs_err::create_dir_all(apt.join("cache/archives/partial"))?;
    let debs = apt.join("debs");
    sh.remove_path(&debs)?;
    sh.create_dir(&debs)?;

    cmd!(sh, "apt-get {options...} --quiet=2 update").quiet().run()?;
    let _debs = sh.push_dir(&debs);
    cmd!(sh, "apt-get {options...} --quiet=2 download {PACKAGES...}").quiet().run()?;
    Ok(sh.read_dir(&debs)?)
}

/// Keeps the newer release's lists apart from the machine's own, which go on as they are.
fn apt_options(apt: &Path) -> Vec<String> {
    let option = |key: &str, path: PathBuf| format!("--option={key}={}", path.display());
    vec![
        option("Dir::Etc::SourceList", PathBuf::from("/dev/null")),
        option("Dir::Etc::SourceParts", apt.join("sources")),
        option("Dir::State::Lists", apt.join("lists")),
        option("Dir::Cache", apt.join("cache")),
        // The user that apt downloads as may not write into the workspace.
        "--option=APT::Sandbox::User=root".to_owned(),
    ]
}

/// Writes the machine's own source lists again, with the name of the newer release in them.
fn write_sources(folder: &Path) -> anyhow::Result<()> {
    let own = debian::suite()?;
    fs_err::create_dir_all(folder)?;
    let mut written = 0;
    for file in source_files()? {
        let text = fs_err::read_to_string(&file)?;
        let text = match file.extension().and_then(|ending| ending.to_str()) {
            Some("sources") => stanzas_for_suite(&text, &own, SUITE),
            _ => lines_for_suite(&text, &own, SUITE),
        };
        if let (false, Some(name)) = (text.is_empty(), file.file_name()) {
            fs_err::write(folder.join(name), text)?;
            written += 1;
        }
    }
    anyhow::ensure!(written > 0, "no source list of apt here names Debian {own}");
    Ok(())
}

fn source_files() -> anyhow::Result<Vec<PathBuf>> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    for entry in fs_err::read_dir("/etc/apt/sources.list.d")? {
        files.push(entry?.path());
    }
    files.retain(|file| {
        let ending = file.extension().and_then(|ending| ending.to_str());
        matches!(ending, Some("list" | "sources")) && file.is_file()
    });
    Ok(files)
}

/// The stanzas of a deb822 file that list Debian itself, for another suite.
fn stanzas_for_suite(text: &str, from: &str, to: &str) -> String {
    text.split("\n\n").filter_map(|stanza| stanza_for_suite(stanza, from, to)).collect::<Vec<_>>().join("\n\n")
}

fn stanza_for_suite(stanza: &str, from: &str, to: &str) -> Option<String> {
    let field = |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name));
    let suites = field("Suites:")?;
    if !has_word(field("Components:")?, "main") {
        return None;
    }
    let renamed = rename_suites(suites, from, to)?;
    Some(stanza.replacen(&format!("Suites:{suites}"), &format!("Suites: {renamed}"), 1))
}

/// The lines of a one-line-style file that list Debian itself, for another suite.
fn lines_for_suite(text: &str, from: &str, to: &str) -> String {
    text.lines()
        .filter(|line| line.starts_with("deb ") && has_word(line, "main"))
        .filter_map(|line| {
            let words = line.split_whitespace();
            let suite = words.clone().find(|word| is_suite(word, from))?;
            let renamed = rename_suites(suite, from, to)?;
            let words = words.map(|word| if word == suite { &renamed } else { word });
            Some(words.collect::<Vec<_>>().join(" ") + "\n")
        })
        .collect()
}

/// The suites that belong to the release `from`, as those of `to`; nothing where there are none.
fn rename_suites(suites: &str, from: &str, to: &str) -> Option<String> {
    let renamed: Vec<_> = suites
        .split_whitespace()
        .filter(|suite| is_suite(suite, from))
        .map(|suite| suite.replacen(from, to, 1))
        .collect();
    (!renamed.is_empty()).then(|| renamed.join(" "))
}

/// Whether a suite is the release itself or one of its companions, as `bookworm-security`.
fn is_suite(suite: &str, release: &str) -> bool {
    match suite.strip_prefix(release) {
        Some(rest) => rest.is_empty() || rest.starts_with('-'),
        None => false,
    }
}

fn has_word(text: &str, word: &str) -> bool {
    text.split_whitespace().any(|other| other == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_of_the_own_release_are_renamed() {
        let text =
            "Types: deb\nURIs: http://debian.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n";
        assert_eq!(
            stanzas_for_suite(text, "bookworm", "trixie"),
            "Types: deb\nURIs: http://debian.example/debian\nSuites: trixie trixie-updates\nComponents: main\n"
        );
    }

    #[test]
    fn stanzas_of_others_are_left_out() {
        let text = "Types: deb\nURIs: http://vendor.example\nSuites: vendor-bookworm\nComponents: main\n\n\
                    Types: deb\nURIs: http://vendor.example\nSuites: bookworm\nComponents: stable\n";
        assert_eq!(stanzas_for_suite(text, "bookworm", "trixie"), "");
    }

    #[test]
    fn lines_keep_their_options() {
        let text = "# a comment\n\
                    deb [signed-by=/usr/share/keyrings/debian.gpg] http://debian.example/debian bookworm-security main\n\
                    deb-src http://debian.example/debian bookworm main\n\
                    deb http://vendor.example cloud-bookworm main\n";
        assert_eq!(
            lines_for_suite(text, "bookworm", "trixie"),
            "deb [signed-by=/usr/share/keyrings/debian.gpg] http://debian.example/debian trixie-security main\n"
        );
    }
}
