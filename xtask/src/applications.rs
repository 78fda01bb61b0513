//! Published applications, fetched and built as they are: what this program says of them is the proof that it works for
//! programs that nobody wrote for it.
//!
//! It takes too long to be a test. A sample of them is one of the checks of `cargo xtask ci`; the whole list makes the
//! table in `docs/`.

mod attempt;
mod fetch;
mod list;
mod record;
mod request;
mod setting;
mod table;
mod toolbox;

use std::time::Instant;

use anyhow::Context;
use xshell::Shell;

use crate::console;
use crate::workspace::Workspace;
use attempt::Attempt;
use list::Application;
use record::{Record, Records};
use setting::Setting;

/// What to build, and how.
pub struct Options {
    /// On a machine without any compiler for C, before and after `doctor --fix`.
    pub stripped: bool,
    /// Goes on where an earlier run was broken off: what worked then is left alone.
    pub resume: bool,
    /// Only those that are quick.
    pub sample: bool,
    /// By name; all of them where there is none.
    pub names: Vec<String>,
}

/// Builds each one, also after one has failed.
///
/// # Errors
/// If one of them could not be fetched, built, checked and started for both platforms.
pub fn run(sh: &Shell, workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
    let chosen = list::chosen(&options.names, options.sample)?;
    let setting = Setting::prepare(sh, workspace, options.stripped)?;
    let mut records = Records::open(workspace, options.stripped)?;
    if !options.resume && options.names.is_empty() && !options.sample {
        records.clear()?;
    }
    let mut failed = Vec::new();
    for application in chosen {
        if options.resume && records.of(application).is_some_and(|record| record.failure().is_none()) {
            continue;
        }
        let record = timed(&setting, application)?;
        if record.failure().is_some() {
            failed.push(application.name);
        }
        records.add(record)?;
    }
    if options.stripped {
        write_table(workspace, &records)?;
    }
    anyhow::ensure!(failed.is_empty(), "{} failed; what was said is in {}", failed.join(", "), setting.log().display());
    Ok(())
}

fn timed(setting: &Setting, application: &Application) -> anyhow::Result<Record> {
    let started = Instant::now();
    console::status("Trying", format!("{} {}", application.name, application.version));
    let record = one(setting, application).with_context(|| format!("{} could not be tried", application.name))?;
    let (verb, said) = match record.failure() {
        None => ("Works", record.build.summary()),
        Some(failure) => ("Failed", failure),
    };
    let elapsed = console::duration(started.elapsed());
    console::status(verb, format!("{} in {elapsed}: {said}", application.name));
    Ok(record)
}

/// Tries one. Its folder goes with the end of it, and all that was compiled in it.
fn one(setting: &Setting, application: &Application) -> anyhow::Result<Record> {
    let folder = setting.folder()?;
    let source = fetch::fetch(setting, application, folder.path())?;
    let build = |step, cache| Attempt::build(setting, application, &source, step, cache);
    if !setting.is_stripped() {
        return Ok(Record::new(setting, application, build("build", None)?));
    }
    let before = build("before", Some(setting.empty_cache()))?;
    if before.error.is_none() {
        return Ok(Record::new(setting, application, before));
    }
    let fix = attempt::fix(setting, application, &source)?;
    let after = build("build", Some(setting.cache()))?;
    Ok(Record { before: Some(before), fix: Some(fix), ..Record::new(setting, application, after) })
}

/// Writes the table, once everything on the list has been tried.
fn write_table(workspace: &Workspace, records: &Records) -> anyhow::Result<()> {
    let missing: Vec<_> = list::all().filter(|one| records.of(one).is_none()).map(|one| one.name).collect();
    if !missing.is_empty() {
        console::status("Skipping", format!("the table: {} have not been tried", missing.join(", ")));
        return Ok(());
    }
    let file = workspace.root().join("docs/applications.md");
    let rows: Vec<_> = list::all().filter_map(|one| Some((one, records.of(one)?))).collect();
    fs_err::create_dir_all(workspace.root().join("docs"))?;
    fs_err::write(&file, table::markdown(&rows))?;
    console::status("Wrote", file.display().to_string());
    Ok(())
}
