//! Two runs at once in one workspace: both are right.

use std::io::{BufRead, BufReader};

use crate::support::{Layout, Project};

/// A program that says which feature it was built with.
fn with_features() -> Project {
    let source = "fn main() {\n    #[cfg(feature = \"one\")]\n    println!(\"built with one\");\n    \
                  #[cfg(feature = \"two\")]\n    println!(\"built with two\");\n}\n";
    Project::app("[features]\none = []\ntwo = []").file("src/main.rs", source)
}

/// Whether the program in an image has these words in it.
fn has(layout: &Layout, words: &str) -> bool {
    let program = std::fs::read(layout.unpack(&layout.manifests()[0]).join("app")).unwrap();
    program.windows(words.len()).any(|window| window == words.as_bytes())
}

#[test]
fn each_of_two_runs_ships_what_it_compiled() {
    let project = with_features();
    for round in 0..3 {
        let runs = ["one", "two"].map(|feature| {
            let words = format!("build --platform linux/amd64 -F {feature} -o type=oci,dest={feature}-{round}.tar");
            (feature, project.scratch(&words).start())
        });
        for (feature, run) in runs {
            let output = run.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let layout = Layout::of_archive(&project.path(format!("{feature}-{round}.tar")));
            layout.verify_blobs();
            let other = if feature == "one" { "two" } else { "one" };
            assert!(has(&layout, &format!("built with {feature}")), "{feature}");
            assert!(!has(&layout, &format!("built with {other}")), "{feature}");
        }
    }
}

#[test]
fn two_runs_may_write_the_same_file() {
    let project = with_features();
    let words = |feature: &str| format!("build -q --platform linux/amd64 -F {feature} -o type=oci,dest=image.tar");
    let runs = ["one", "two"].map(|feature| project.scratch(&words(feature)).start());
    for run in runs {
        assert!(run.wait_with_output().unwrap().status.success());
    }
    let layout = Layout::of_archive(&project.path("image.tar"));
    layout.verify_blobs();
    assert!(has(&layout, "built with one") != has(&layout, "built with two"));
}

#[test]
fn a_build_folder_of_two_target_folders_is_for_one_at_a_time() {
    let project = Project::app("").file(".cargo/config.toml", "[build]\nbuild-dir = \"shared\"\n");
    std::fs::create_dir_all(project.path("shared/scratch")).unwrap();
    let lock = std::fs::File::create(project.path("shared/scratch/.lock")).unwrap();
    lock.lock().unwrap();
    let mut run = project.scratch("check --platform linux/amd64 --target-dir own").start();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines().map(Result::unwrap);
    let blocked = "waiting for another cargo scratch in this build folder";
    assert!(lines.any(|line| line.ends_with(blocked)), "it did not wait");
    drop(lock);
    lines.for_each(drop);
    assert!(run.wait().unwrap().success());
}

#[test]
fn the_users_own_build_and_ours_leave_each_others_work_alone() {
    let project = Project::app("");
    let cargo = |words: &str| {
        let mut command = std::process::Command::new(crate::support::programs::cargo());
        command.args(words.split(' ')).current_dir(project.root());
        let output = command.env("CARGO_HOME", project.home()).env_remove("CARGO_TARGET_DIR").output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let theirs = "build --release --target x86_64-unknown-linux-musl --config target.x86_64-unknown-linux-musl.linker='rust-lld'";
    let ours = || project.scratch("check --platform linux/amd64").succeeds();
    assert!(cargo(theirs).contains("Compiling app"));
    ours().says("Compiling app");
    assert!(!cargo(theirs).contains("Compiling"));
    ours().never_says("Compiling");
}
