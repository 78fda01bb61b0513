//! `--help`, `--version`, words that clap does not know, and colours.

use snapbox::{Data, str};

use crate::support::Project;

const COMMANDS: [&str; 7] = ["", "build", "push", "run", "check", "dockerfile", "doctor"];

#[test]
fn every_command_has_its_help() {
    let project = Project::empty();
    for command in COMMANDS {
        let name = if command.is_empty() { "scratch" } else { command };
        let expected = snapbox::current_dir!().join(format!("snapshots/help/{name}.txt"));
        let words = format!("{command} --help");
        let through_cargo = project.scratch(&words).succeeds().stdout(Data::read_from(&expected, None));
        let by_itself = project.scratch(&words).by_a_shell().succeeds();
        assert_eq!(by_itself.line(), through_cargo.line(), "{command}");
    }
}

#[test]
fn short_help_is_short() {
    let project = Project::empty();
    let expected = snapbox::file!["snapshots/help/build-short.txt"];
    project.scratch("build -h").succeeds().stdout(expected);
}

#[test]
fn the_version_is_that_of_the_package() {
    let project = Project::empty();
    let expected = format!("cargo-scratch {}", env!("CARGO_PKG_VERSION"));
    for words in ["--version", "-V"] {
        assert_eq!(project.scratch(words).succeeds().line(), expected);
        assert_eq!(project.scratch(words).by_a_shell().succeeds().line(), expected);
    }
}

#[test]
fn without_a_command_there_is_help() {
    let project = Project::empty();
    let outcome = project.scratch("").run().code(2).silent();
    outcome.says("Usage: cargo scratch [OPTIONS] <COMMAND>").says("Exit codes:");
}

#[test]
fn an_unknown_command_names_the_nearest() {
    Project::empty().scratch("buidl").fails(2).stderr(str![[r#"
error: unrecognized subcommand 'buidl'

  tip: some similar subcommands exist: 'b', 'build'

Usage: cargo scratch [OPTIONS] <COMMAND>

For more information, try '--help'.

"#]]);
}

#[test]
fn an_unknown_flag_names_the_nearest() {
    Project::empty().scratch("build --platfrom linux/amd64").fails(2).stderr(str![[r#"
error: unexpected argument '--platfrom' found

  tip: a similar argument exists: '--platform'
  tip: to pass '--platfrom' as a value, use '-- --platfrom'

Usage: cargo scratch build --platform <PLATFORM> [-- <CARGO_ARGS>...]

For more information, try '--help'.

"#]]);
}

#[test]
fn quiet_and_verbose_exclude_each_other() {
    Project::empty().scratch("build -q -v").fails(2).stderr(str![[r#"
error: the argument '--quiet' cannot be used with '--verbose...'

Usage: cargo scratch build --quiet [-- <CARGO_ARGS>...]

For more information, try '--help'.

"#]]);
}

#[test]
fn nothing_is_coloured_in_a_pipe() {
    let project = Project::app("");
    project.scratch("--help").succeeds().never_says("\u{1b}");
    project.scratch("build --engine dokcer").run().code(2).never_says("\u{1b}");
    project.scratch("build --color never --engine dokcer").run().code(2).never_says("\u{1b}");
}

#[test]
fn colours_come_when_asked_for() {
    let project = Project::app("");
    let expected = "\u{1b}[1m\u{1b}[91merror\u{1b}[0m\u{1b}[1m:\u{1b}[0m unknown engine `dokcer`";
    project.scratch("build --color always --engine dokcer").run().code(2).says(expected);
    project.scratch("build --engine dokcer").env("CARGO_TERM_COLOR", "always").run().code(2).says(expected);
    let built = project.scratch("check --color always --platform linux/amd64").succeeds();
    // cargo's own lines too.
    built.says("\u{1b}[1m\u{1b}[92m   Compiling\u{1b}[0m app");
}

#[test]
fn the_users_word_beats_the_variables() {
    let project = Project::app("");
    let run = || project.scratch("build --color never --engine dokcer").env("CARGO_TERM_COLOR", "always");
    run().run().code(2).never_says("\u{1b}");
    let run = || project.scratch("build --color always --engine dokcer").env("NO_COLOR", "1");
    run().run().code(2).says("\u{1b}[");
}
