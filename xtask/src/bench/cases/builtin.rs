//! The built-in engine against cargo and the floor.

use super::Setting;
use crate::bench::call::Call;
use crate::bench::program::{PLATFORMS, Program};
use crate::bench::race::{Entrant, Rounds, Samples, race};
use crate::bench::scene::Scene;
use crate::bench::table::{Row, Table, Unit};

/// What we may cost of what the parts cost.
const GOAL: f64 = 1.3;

/// What a larger image may take of the memory that a small one takes: less than what is done at the same time varies by.
const FLAT: f64 = 1.2;

/// The sizes of the larger programs, in mebibytes.
const SIZES: [usize; 2] = [5, 50];

/// Nothing has changed since the last push.
pub fn noop(setting: &Setting<'_>) -> anyhow::Result<Vec<Table>> {
    let scene = setting.scene;
    let program = Program::service(setting.sh, scene, setting.workspace)?;
    let (theirs, ours) = (scene.known_name("floor"), scene.known_name("builtin"));
    let title = format!("nothing changed, two platforms, {}", program.label);
    let [floor, cargo, both, push, through] = race(
        scene,
        &title,
        [
            Entrant::new("floor", || Ok(vec![program.floor(scene, &theirs)])),
            Entrant::new("cargo build", || Ok(vec![program.compile(scene)])),
            Entrant::new("cargo build + floor", || Ok(vec![program.compile(scene), program.floor(scene, &theirs)])),
            Entrant::new("cargo-scratch push", || Ok(vec![program.push(scene, "builtin", &ours)])),
            Entrant::new("cargo scratch push", || Ok(vec![program.push_through_cargo(scene, "builtin", &ours)])),
        ],
        setting.rounds(),
    )?;
    let table = Table::new("noop", title, Unit::Milliseconds)
        .row(Row::of(&floor))
        .row(Row::of(&cargo))
        .row(Row::of(&both))
        .row(Row::of(&push).against(&both).goal(GOAL))
        .row(Row::of(&through).against(&both))
        .row(Row::difference("ours alone: cargo-scratch push less cargo build", &push, &cargo).against(&floor));
    Ok(vec![table])
}

/// The program is compiled and nothing else has been done.
pub fn first(setting: &Setting<'_>) -> anyhow::Result<Vec<Table>> {
    let program = Program::service(setting.sh, setting.scene, setting.workspace)?;
    Ok(vec![first_push("first", &program, setting.scene, setting.rounds())?])
}

/// The same with larger programs.
pub fn sizes(setting: &Setting<'_>) -> anyhow::Result<Vec<Table>> {
    let table = |mebibytes: &usize| {
        let program = Program::of_size(setting.sh, setting.scene, *mebibytes)?;
        first_push("sizes", &program, setting.scene, setting.rounds())
    };
    SIZES.iter().map(table).collect()
}

fn first_push(case: &'static str, program: &Program, scene: &Scene, rounds: Rounds) -> anyhow::Result<Table> {
    let title = format!("first push, compiled before, two platforms, {}", program.label);
    let [floor, both, check, push] = race(
        scene,
        &title,
        [
            Entrant::new("floor", || Ok(vec![program.floor(scene, &scene.fresh_name())])),
            Entrant::new("cargo build + floor", || {
                Ok(vec![program.compile(scene), program.floor(scene, &scene.fresh_name())])
            }),
            Entrant::new("cargo-scratch check", || {
                Ok(vec![program.scratch(scene, "check").args(["--platform", PLATFORMS])])
            }),
            Entrant::new("cargo-scratch push", || Ok(vec![pushed_for_the_first_time(program, scene)?])),
        ],
        rounds,
    )?;
    Ok(Table::new(case, title, Unit::Milliseconds)
        .row(Row::of(&floor))
        .row(Row::of(&both))
        .row(Row::of(&check))
        .row(Row::of(&push).against(&both).goal(GOAL))
        .row(Row::difference("packaging alone: push less check", &push, &check).against(&floor).goal(GOAL)))
}

/// The most memory in use at a time, whatever the image's size.
pub fn memory(setting: &Setting<'_>) -> anyhow::Result<Vec<Table>> {
    let scene = setting.scene;
    let mut programs = vec![Program::service(setting.sh, scene, setting.workspace)?];
    for mebibytes in SIZES {
        programs.push(Program::of_size(setting.sh, scene, mebibytes)?);
    }
    let mut table = Table::new("memory", "peak of cargo-scratch itself, first push, two platforms", Unit::Mebibytes);
    let mut smallest = None;
    for program in &programs {
        let mut samples = Samples { label: program.label.clone(), values: Vec::new() };
        for _ in 0..setting.few_rounds().counted {
            let peak = pushed_for_the_first_time(program, scene)?.peak_memory()?;
            samples.values.push(peak as f64 / f64::from(1 << 20));
        }
        let row = Row::of(&samples);
        table = match &smallest {
            Some(smallest) => table.row(row.against(smallest).goal(FLAT)),
            None => table.row(row),
        };
        smallest.get_or_insert(samples);
    }
    Ok(vec![table])
}

/// No layer is there, and the registry does not know the repository.
fn pushed_for_the_first_time(program: &Program, scene: &Scene) -> anyhow::Result<Call> {
    program.forget_layers()?;
    Ok(program.push(scene, "builtin", &scene.fresh_name()))
}
