//! What came of each application, as lines of JSON, so that a run that was broken off can go on.

use std::io::Write;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::attempt::{Attempt, Fix};
use super::list::Application;
use super::setting::{PLATFORMS, Setting};
use crate::workspace::Workspace;

/// What came of one application.
#[derive(Serialize, Deserialize)]
pub struct Record {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The day, as `2026-01-31`.
    pub date: String,
    /// The compiler of Rust, as `1.95.0`.
    pub rustc: String,
    /// Without any compiler for C, and with nothing provided; if it was tried and failed.
    pub before: Option<Attempt>,
    /// What `doctor --fix` made of that.
    pub fix: Option<Fix>,
    /// In the end.
    pub build: Attempt,
}

impl Record {
    /// What came of building it.
    pub fn new(setting: &Setting, application: &Application, build: Attempt) -> Self {
        Self {
            name: application.name.to_owned(),
            version: application.version.to_owned(),
            date: setting.date().to_owned(),
            rustc: setting.rustc().to_owned(),
            before: None,
            fix: None,
            build,
        }
    }

    /// Why it does not work, if it was not built, checked and started for all platforms, or if something was compiled first
    /// where nothing could come of it.
    pub fn failure(&self) -> Option<String> {
        if let Some(Attempt { compiled: true, error: Some(error), .. }) = &self.before {
            return Some(format!("is compiled to no end: {error}"));
        }
        let started = |platform| self.build.image(platform).is_some_and(|image| image.started.is_some());
        let not_started = || PLATFORMS.into_iter().find(|platform| !started(platform));
        let Attempt { error, .. } = &self.build;
        error.clone().or_else(|| Some(format!("was not started on {}", not_started()?)))
    }
}

/// The results of all runs that are still of use: the last of each application counts.
pub struct Records {
    file: PathBuf,
    records: Vec<Record>,
}

impl Records {
    /// Those that there are. Without compilers and with them are not the same results.
    pub fn open(workspace: &Workspace, stripped: bool) -> anyhow::Result<Self> {
        let name = if stripped { "stripped.jsonl" } else { "results.jsonl" };
        let file = workspace.applications_dir().join(name);
        let text = fs_err::read_to_string(&file).unwrap_or_default();
        // A line of an older shape is one that has to be made again.
        let records = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok(Self { file, records })
    }

    /// Forgets them all.
    pub fn clear(&mut self) -> anyhow::Result<()> {
        self.records.clear();
        Ok(fs_err::write(&self.file, "")?)
    }

    /// What came of this version of an application last.
    pub fn of(&self, application: &Application) -> Option<&Record> {
        let is_it = |record: &&Record| record.name == application.name && record.version == application.version;
        self.records.iter().rev().find(is_it)
    }

    /// Adds a result, on the disk too.
    pub fn add(&mut self, record: Record) -> anyhow::Result<()> {
        let mut file = fs_err::OpenOptions::new().create(true).append(true).open(&self.file)?;
        writeln!(file, "{}", serde_json::to_string(&record)?)?;
        self.records.push(record);
        Ok(())
    }
}
