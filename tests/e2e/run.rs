//! `cargo scratch run`

use crate::support::Project;
use crate::support::engines::{CLASSIC, DOCKER, PODMAN};

/// Says what it was given, and ends as it is told to.
const PROGRAM: &str = r#"
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    println!("args: {args:?}");
    println!("GREETING={}", std::env::var("GREETING").unwrap_or_default());
    println!("in {}", std::env::current_dir().unwrap().display());
    eprintln!("an error message");
    let code = args.iter().find_map(|arg| arg.strip_prefix("--code=")?.parse().ok());
    std::process::exit(code.unwrap_or(0));
}
"#;

#[test]
fn arguments_go_in_and_output_and_exit_code_come_out() {
    let Some(project) = Project::program("tell", PROGRAM) else { return };
    for engine in [DOCKER, CLASSIC, PODMAN] {
        let run = project.with(engine, "run").args(["--tag", &project.id, "--workdir=/srv/data"]);
        let run = run.arg("--env=GREETING=hello  you").args(["--", "--code=7", "a b", "", "--help"]);
        let ran = run.run().ended(7).saying("an error message").not_saying("error:");
        let expected = "args: [\"--code=7\", \"a b\", \"\", \"--help\"]\nGREETING=hello  you\nin /srv/data\n";
        assert_eq!(ran.stdout, expected, "{engine:?}");
    }
    // Nothing of the runs is left.
    for engine in [DOCKER, CLASSIC, PODMAN] {
        let list = project.runner(engine.runner).args(["ps", "--all", "--format={{.Image}}"]).read();
        assert!(!list.contains(&project.id), "{list}");
    }
}

#[test]
fn a_program_that_does_not_compile_is_not_run() {
    let Some(project) = Project::program("broken", "fn main() { nonsense }") else { return };
    let run = project.with(DOCKER, "run").args(["--tag", &project.id]);
    run.run().ended(101).saying("cannot find value `nonsense`").printing_nothing();
}
