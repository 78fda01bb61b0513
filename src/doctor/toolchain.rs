//! cargo, rustc, rustup, and what they have for the platforms.

use camino::{Utf8Path, Utf8PathBuf};

use super::ask::{ask, find};
use super::{Fix, Row, State, Wishes};
use crate::compile::toolchain::{self, Toolchain};
use crate::platform::Platform;
use crate::process::Command;

/// The toolchain, what it has for each platform, and its linker.
pub fn rows(wishes: &Wishes) -> Vec<Row> {
    let cargo = toolchain::cargo();
    let asked = ask(&Command::new(cargo.as_str()).arg("--version"));
    let place = find(cargo.as_str()).map_or_else(|| cargo.to_string(), |path| shown(&path));
    let mut rows = vec![Row::answered("cargo", &place, asked).needed(true)];
    if rows[0].state != State::Ok {
        rows[0] = rows[0].clone().mend(mend(&rows[0].found));
    }
    match Toolchain::find(cargo) {
        Ok(toolchain) => rows.extend(of_toolchain(&toolchain, wishes)),
        Err(error) => {
            let said = error.causes().next().unwrap_or_default();
            let found = format!("{error}: {}", said.lines().next().unwrap_or_default());
            rows.push(Row::absent("rustc", true, found.trim_end_matches(": ")).mend(mend(&said)));
        }
    }
    rows
}

/// The way to have a toolchain, by what the programs said that rustup puts in its place.
fn mend(said: &str) -> String {
    let missing = || said.lines().find(|line| line.contains("is not installed"))?.split_once("toolchain '");
    match missing().and_then(|(before, after)| Some((before, after.split_once('\'')?.0))) {
        Some((before, name)) if before.ends_with("custom ") => format!("rustup toolchain link {name} FOLDER"),
        Some((_, name)) => format!("rustup toolchain install {name}"),
        None if said.contains("no default is configured") => "rustup default stable".to_owned(),
        None => "install Rust with rustup: https://rustup.rs".to_owned(),
    }
}

fn of_toolchain(toolchain: &Toolchain, wishes: &Wishes) -> Vec<Row> {
    let rustc = toolchain.sysroot.join("bin").join(format!("rustc{}", std::env::consts::EXE_SUFFIX));
    let answer = ask(&Command::new(rustc.as_str()).arg("--version"));
    let rustc = Row::answered("rustc", toolchain.sysroot.as_str(), answer).needed(true);
    let mut rows = vec![rustc, rustup(toolchain)];
    rows.extend(wishes.platforms.iter().map(|platform| std_of(toolchain, *platform)));
    rows.push(match toolchain.rust_lld().is_some() {
        true => Row::ok("rust-lld", "in the toolchain"),
        false => Row::new("rust-lld", State::Missing, "not in the toolchain: the system's own linker is taken")
            .mend("install Rust with rustup, which brings it: https://rustup.rs"),
    });
    rows
}

fn rustup(toolchain: &Toolchain) -> Row {
    let Some(path) = find("rustup") else {
        return Row::absent("rustup", false, "not on the PATH: targets can't be added");
    };
    let row = Row::answered("rustup", &shown(&path), ask(&Command::new(&path).arg("--version")));
    match &toolchain.rustup_name {
        Some(name) => Row { found: format!("{}, runs {name}", row.found), ..row },
        None => row,
    }
}

fn std_of(toolchain: &Toolchain, platform: Platform) -> Row {
    let name = format!("std {platform}");
    if toolchain.has_target(platform) {
        return Row::ok(name, platform.triple).needed(true);
    }
    let row = Row::absent(name, true, format!("the toolchain has no {}", platform.triple));
    if !platform.in_rustup {
        return row.mend("install a toolchain that has it: rustup has none for this target");
    }
    row.mend(toolchain.install_command(&[platform]).to_string()).fixed_by(Fix::Target(platform))
}

/// The path as text.
pub fn shown(path: &std::path::Path) -> String {
    Utf8Path::from_path(path).map_or_else(|| path.to_string_lossy().into_owned(), |path| Utf8PathBuf::from(path).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolchain_that_rustup_lacks_is_got_with_rustup() {
        for (said, expected) in [
            ("error: toolchain '1.60.0-x' is not installed\nhelp: run …", "rustup toolchain install 1.60.0-x"),
            ("cargo fails: error: toolchain 'nightly-x' is not installed", "rustup toolchain install nightly-x"),
            (
                "error: custom toolchain 'mine' specified in override file '/w/rust-toolchain.toml' is not installed",
                "rustup toolchain link mine FOLDER",
            ),
            (
                "error: rustup could not choose a version of cargo to run, because one wasn't specified explicitly, and \
                 no default is configured.",
                "rustup default stable",
            ),
            ("cannot find binary path", "install Rust with rustup: https://rustup.rs"),
        ] {
            assert_eq!(mend(said), expected, "{said}");
        }
    }
}
