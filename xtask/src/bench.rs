//! What images cost with us beside what their parts cost by hand.
//!
//! Only ratios count: both sides of each are measured in one interleaved run, so that whatever else the machine does
//! slows both alike. A goal that is missed is told and is no failure: a benchmark is not a test.

mod call;
mod cases;
mod generated;
mod machine;
mod program;
mod race;
mod scene;
mod table;

use std::path::PathBuf;

use serde_json::json;
use xshell::Shell;

use crate::console;
use crate::workspace::Workspace;
use cases::Setting;
use machine::Machine;
use scene::Scene;
use table::Table;

/// How often most of them run, where nothing else is said.
const RUNS: usize = 15;

/// What to measure.
pub struct Options {
    /// How often most of them run.
    pub runs: Option<usize>,
    /// Where to write all that was measured.
    pub json: Option<PathBuf>,
    /// The cases by name; all of them where there is none.
    pub cases: Vec<String>,
}

/// Measures, and prints a table for each case.
pub fn run(sh: &Shell, workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
    let cases = cases::named(&options.cases)?;
    let runs = options.runs.unwrap_or(RUNS);
    anyhow::ensure!(runs > 0, "without a run there is no median");
    let scene = Scene::set(sh, workspace)?;
    let mut machine = Machine::look(sh, &scene)?;
    let setting = Setting { sh, workspace, scene: &scene, runs };
    console::result(&machine);
    let mut tables = Vec::new();
    for case in cases {
        for table in case.measure(&setting)? {
            console::result(format_args!("\n{table}"));
            tables.push(table);
        }
    }
    machine.look_again();
    judge(&machine, &tables);
    match &options.json {
        Some(file) => save(file, &machine, &tables),
        None => Ok(()),
    }
}

/// Says what has become of the goals, and whether to believe it.
fn judge(machine: &Machine, tables: &[Table]) {
    let verdicts: Vec<_> = tables.iter().flat_map(Table::verdicts).collect();
    let missed: Vec<_> = verdicts.iter().filter(|verdict| !verdict.met).collect();
    console::result(format_args!("\n{} of {} goals met", verdicts.len() - missed.len(), verdicts.len()));
    for verdict in missed {
        console::result(verdict);
    }
    if machine.is_busy() {
        let share = machine.taken_by_others() * 100.0;
        console::result(format_args!("others took up to {share:.0} % of the processors: measure again in peace"));
    }
}

fn save(file: &PathBuf, machine: &Machine, tables: &[Table]) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(&json!({ "machine": machine, "tables": tables }))?;
    fs_err::write(file, text + "\n")?;
    console::status("Wrote", file.display().to_string());
    Ok(())
}
