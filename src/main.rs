//! Parses the command line, calls the library, and ends with an exit code.

use std::process::ExitCode;

use cargo_scratch::cli::{Cargo, Command, Global};
use cargo_scratch::error::Error;
use cargo_scratch::native::wrapper;
use cargo_scratch::shell::{Color, Shell, Verbosity};
use cargo_scratch::{commands, interrupt};

fn main() -> ExitCode {
    if let Some(result) = wrapper::stand_in(&Shell::new(Verbosity::Quiet, Color::Auto)) {
        return ended(result, &Shell::default());
    }
    let scratch = Cargo::from_args();
    let shell = Shell::new(verbosity(&scratch.global), scratch.global.color);
    // It shares namespaces with nobody, and only a process with a single thread can get out of those that it is in.
    #[cfg(target_os = "linux")]
    if let Command::RunIsolated(args) = &scratch.command {
        return isolated(args, &shell);
    }
    interrupt::install();
    let result = match &scratch.command {
        Command::Build(args) => commands::build::build(args, &shell),
        Command::Push(args) => commands::build::push(args, &shell),
        Command::Run(args) => commands::run::run(args, &shell),
        Command::Check(args) => commands::check::check(args, &shell),
        Command::Dockerfile(args) => commands::dockerfile::dockerfile(args, &shell),
        Command::Explain(args) => commands::explain::explain(args, &shell),
        Command::Doctor(args) => commands::doctor::doctor(args, &shell),
        Command::Init(args) => commands::init::init(args, &shell),
        #[cfg(target_os = "linux")]
        Command::RunIsolated(_) => unreachable!("it has returned above"),
    };
    ended(result, &shell)
}

fn ended(result: Result<(), Error>, shell: &Shell) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whatever a stage made of being stopped, the user stopped it.
            let error = if interrupt::is_set() { Error::interrupted() } else { error };
            shell.error(&error);
            ExitCode::from(error.exit().code())
        }
    }
}

#[cfg(target_os = "linux")]
fn isolated(args: &cargo_scratch::cli::RunIsolatedArgs, shell: &Shell) -> ExitCode {
    use cargo_scratch::smoke::isolated::{inner, outer};
    let code = if args.inner { inner(&args.spec, &args.have) } else { outer(&args.spec) };
    ExitCode::from(code.unwrap_or_else(|error| {
        shell.error(&error);
        error.exit().code()
    }))
}

fn verbosity(global: &Global) -> Verbosity {
    match (global.quiet, global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, 1) => Verbosity::Verbose,
        (false, _) => Verbosity::VeryVerbose,
    }
}
