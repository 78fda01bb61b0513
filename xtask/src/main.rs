//! The project's own tooling: test engines, tests, benchmark and continuous integration. `cargo xtask help` lists the commands.

mod applications;
mod bench;
mod ci;
mod console;
mod engines;
mod flags;
mod test;
mod toolchain;
mod workspace;

use std::process::ExitCode;

use flags::{EnginesCmd, Xtask, XtaskCmd};
use xshell::Shell;

use crate::workspace::Workspace;

fn main() -> ExitCode {
    match run(Xtask::from_env_or_exit()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(flags: Xtask) -> anyhow::Result<()> {
    let workspace = Workspace::locate()?;
    let sh = Shell::new()?;
    sh.change_dir(workspace.root());
    match flags.subcommand {
        XtaskCmd::Engines(engines) => match engines.subcommand {
            EnginesCmd::Start(_) => engines::start(&sh, &workspace).map(drop),
            EnginesCmd::Stop(_) => engines::stop(&sh, &workspace),
            EnginesCmd::Status(_) => {
                engines::status(&workspace);
                Ok(())
            }
        },
        XtaskCmd::Test(test) => {
            test::run(&sh, &workspace, &test::Options { engines: !test.no_engines, args: test.args })
        }
        XtaskCmd::Bench(options) => bench::run(
            &sh,
            &workspace,
            &bench::Options { runs: options.runs, json: options.json, cases: options.cases },
        ),
        XtaskCmd::Applications(options) => applications::run(
            &sh,
            &workspace,
            &applications::Options {
                stripped: options.stripped,
                resume: options.resume,
                sample: options.sample,
                names: options.names,
            },
        ),
        XtaskCmd::Ci(_) => ci::run(&sh, &workspace),
    }
}
