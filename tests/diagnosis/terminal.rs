//! On a terminal cargo looks as it always does, although its stderr is read on the way there.

use std::process::Command;

use crate::support::Case;

/// What a terminal of this width gets from a command in a project.
fn shown(case: &Case, command: &str, env: &[(&str, &str)]) -> Option<String> {
    let stty = which::which("stty").unwrap();
    let line = format!("{} cols 100 rows 30; {command}", stty.display());
    let mut script = Command::new(which::which("script").unwrap());
    let own = case.command()?;
    script.args(["-qec", &line, "/dev/null"]).current_dir(case.root()).env_clear();
    script.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    script.env("TERM", "xterm-256color").env("SHELL", "/bin/sh").envs(env.iter().copied());
    let output = script.output().unwrap();
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The lines of cargo, without what differs from run to run: times, how often the bar was drawn, and waiting for another
/// case. Before it, we resolve the dependencies.
fn lines(shown: &str) -> Vec<String> {
    let is_bar = |part: &&str| part.contains("Building") && part.contains('[');
    let is_waiting = |part: &&str| part.contains("Blocking") || part.contains("   Resolving");
    let parts = shown.split(['\r', '\n']).filter(|part| !part.is_empty() && !is_bar(part) && !is_waiting(part));
    let timeless = |part: &str| {
        part.split(" target(s) in ")
            .next()
            .unwrap()
            .trim_start_matches("\u{1b}[K")
            .trim_start_matches("\u{1b}[2K")
            .to_owned()
    };
    parts.map(timeless).collect()
}

#[test]
fn a_terminal_shows_what_cargo_alone_would_show() {
    let case = Case::app("terminal").file("src/main.rs", "fn main() {\n    let unused = 1;\n}\n").needing("script");
    let ours = format!("{} scratch check --platform linux/amd64", env!("CARGO_BIN_EXE_cargo-scratch"));
    let Some(own) = shown(&case, &ours, &[]) else { return };
    let linker = "target.x86_64-unknown-linux-musl.linker='rust-lld'";
    let theirs = "\"$CARGO\" build --release --target x86_64-unknown-linux-musl --target-dir target";
    let alone = shown(&case, &format!("{theirs} --config \"{linker}\""), &[]).unwrap();
    let bar = "\u{1b}[1m\u{1b}[96m    Building\u{1b}[0m [";
    assert!(own.contains(bar) && alone.contains(bar), "{own:?}\n{alone:?}");
    let (mut own, alone) = (lines(&own), lines(&alone));
    // The result of ours.
    assert!(own.pop().is_some_and(|line| line.contains("ready (linux/amd64")), "{own:?}");
    assert!(alone.len() > 5 && alone[0].starts_with("\u{1b}[1m\u{1b}[92m   Compiling\u{1b}[0m app"), "{alone:?}");
    assert_eq!(own, alone);

    // Another appearance is no other build.
    let plain = shown(&case, &ours, &[("NO_COLOR", "1"), ("CI", "true")]).unwrap();
    assert!(!plain.contains("Compiling") && plain.contains("    Finished `release`"), "{plain:?}");
    assert!(!plain.contains("\u{1b}[1m") && !plain.contains("Building"), "{plain:?}");
    let piped = case.command().unwrap().env("TERM", "xterm-256color").output().unwrap();
    let piped = String::from_utf8_lossy(&piped.stderr).into_owned();
    assert!(!piped.contains("Compiling") && piped.contains("Finished") && !piped.contains('\u{1b}'), "{piped:?}");
}

#[test]
fn the_help_is_below_what_cargo_shows() {
    let case = Case::library("terminal-help", "nowhere").needing("script");
    let ours = format!("{} scratch check --platform linux/amd64", env!("CARGO_BIN_EXE_cargo-scratch"));
    let Some(shown) = shown(&case, &ours, &[]) else { return };
    let (above, help) = shown.rsplit_once("help").unwrap();
    assert!(above.contains("could not compile `app` (bin \"app\")"), "{shown:?}");
    assert!(help.contains("`foo-sys` asks for the library `nowhere`"), "{shown:?}");
}
