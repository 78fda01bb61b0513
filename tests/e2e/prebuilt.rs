//! Images of programs that another tool built.

use crate::programs::host_platform;
use crate::support::Project;
use crate::support::container::serves;
use crate::support::engines::ENGINES;

/// Here the other tool is cargo alone, as the user calls it.
#[test]
fn every_engine_takes_a_program_that_another_tool_built() {
    let Some(project) = Project::hello() else { return };
    let platform = host_platform();
    project.scratch("check").args(["--platform", platform]).run().succeeded();
    let built = project.artifact(platform, "hello-http", "hello-http");
    let elsewhere = project.beside("elsewhere");
    fs_err::copy(built, &elsewhere).unwrap();
    for engine in ENGINES {
        let made = |more: &[&str]| {
            let build = project.with(engine, "build").args(["--tag", &project.id]).args(more);
            build.run().succeeded()
        };
        let compiled = made(&[]).line().to_owned();
        let given = made(&["--artifact", elsewhere.to_str().unwrap()]).not_saying("Compiling");
        assert_eq!(given.line(), compiled, "{engine:?}");
        serves(&project, engine.runner, given.line());
    }
}
