//! `cargo scratch check`

use serde_json::json;

use super::pipeline::{Project, Words};
use crate::cli::{CheckArgs, ImageArgs, MessageFormat, OutputArgs};
use crate::error::{Error, Exit, Result};
use crate::linkage::{self, Report, Severity};
use crate::platform::Platform;
use crate::report;
use crate::resolve::plan::Verb;
use crate::shell::Shell;

/// Checks the named files, or the workspace's binary.
///
/// # Errors
/// [`Exit::NotScratchReady`] if one of them would not start in a scratch image.
pub fn check(args: &CheckArgs, shell: &Shell) -> Result<()> {
    let reports = if args.files.is_empty() { built(args, shell)? } else { files(args)? };
    let mut failed = 0;
    for (report, helps) in &reports {
        failed += usize::from(!report.is_ready());
        match args.message_format {
            MessageFormat::Human => say(report, helps, shell)?,
            MessageFormat::Json => {
                let mut value = serde_json::to_value(report).unwrap_or_default();
                value["ready"] = json!(report.is_ready());
                value["help"] = json!(helps);
                shell.result(report::json(&value)?)?;
            }
        }
    }
    let not_ready = |what: String| Err(Error::new(Exit::NotScratchReady, what));
    match (failed, reports.as_slice()) {
        (0, _) => Ok(()),
        (_, [(report, _)]) => not_ready(format!("`{}` would not start in a scratch image", report.file)),
        _ => not_ready(format!("{failed} of {} files would not start in a scratch image", reports.len())),
    }
}

fn files(args: &CheckArgs) -> Result<Vec<(Report, Vec<String>)>> {
    let platform = match args.platform.as_slice() {
        [] => None,
        [one] => Some(Platform::parse(one)?),
        _ => {
            return Err(Error::usage("a file is for one platform, and several are named"));
        }
    };
    let home = std::env::home_dir().and_then(|home| camino::Utf8PathBuf::from_path_buf(home).ok());
    let homes: Vec<_> = home.into_iter().collect();
    let check = |file| Ok((linkage::check(file, platform, &homes)?.0, Vec::new()));
    args.files.iter().map(|file| check(file)).collect()
}

fn built(args: &CheckArgs, shell: &Shell) -> Result<Vec<(Report, Vec<String>)>> {
    let image = ImageArgs { platform: args.platform.clone(), ..ImageArgs::default() };
    let words = Words {
        verb: Verb::Check,
        source: &args.source,
        image: &image,
        output: &OutputArgs::default(),
        cargo_args: &args.cargo_args,
        dry_run: false,
    };
    let mut project = Project::learn(words, shell)?;
    let graph = project.graph(shell)?;
    project.equip(&graph, shell)?;
    let compiled = project.compile(shell)?;
    let checked = compiled.artifacts.iter().zip(project.check_all(&compiled.artifacts));
    let explained = checked.map(|(artifact, checked)| {
        let (report, _) = checked?;
        project.check_wishes(&report)?;
        let helps = project.explain(&report, &compiled, artifact);
        Ok((report, helps))
    });
    explained.collect()
}

/// A report for people. It is what was asked for, so it goes to stdout.
fn say(report: &Report, helps: &[String], shell: &Shell) -> Result<()> {
    let platform = report.platform.map_or_else(|| "no known platform".to_owned(), |platform| platform.to_string());
    let verdict = if report.is_ready() { "ready" } else { "not ready" };
    shell.result(format_args!("{}: {verdict} ({platform}, {})", report.file, report.summary()))?;
    for finding in &report.findings {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        shell.result(format_args!("  {severity}: {} [{}]", finding.message, finding.code))?;
    }
    for help in helps {
        shell.result(format_args!("  help: {help}"))?;
    }
    Ok(())
}
