//! What `--allocator mimalloc` gains: a program that knows nothing of it, on musl, on musl with mimalloc, and on glibc.

use std::path::{Path, PathBuf};

use xshell::cmd;

use super::Setting;
use crate::bench::call::Call;
use crate::bench::generated;
use crate::bench::program::PLATFORMS;
use crate::bench::race::{Entrant, race};
use crate::bench::table::{Row, Table, Unit};
use crate::console;
use crate::toolchain::cargo;

/// What mimalloc may take of the time that musl's allocator takes.
const GOAL: f64 = 0.8;

/// What the program does, in how many threads, and how often each of them.
const WORK: [(&str, u32, u32); 4] =
    [("churn", 1, 3_000_000), ("churn", 2, 3_000_000), ("strings", 1, 600_000), ("strings", 2, 600_000)];

/// How much slower the emulator is.
const EMULATED: u32 = 10;

const EMULATOR: &str = "qemu-aarch64-static";

/// Variables that name a compiler for musl, and where zig keeps what it has compiled.
const COMPILERS: [&str; 3] = ["CC_x86_64_unknown_linux_musl", "CC_aarch64_unknown_linux_musl", "ZIG_GLOBAL_CACHE_DIR"];

/// Names the folder that cargo-scratch keeps what it gets in.
const CACHE: &str = "CARGO_SCRATCH_CACHE_DIR";

/// The same work on each of them.
pub fn allocator(setting: &Setting<'_>) -> anyhow::Result<Vec<Table>> {
    let Some(built) = Built::of(setting)? else { return Ok(Vec::new()) };
    let mut tables = Vec::new();
    for (what, threads, times) in WORK {
        tables.push(natively(setting, &built, what, threads, times)?);
        tables.push(emulated(setting, &built, what, threads, times / EMULATED)?);
    }
    Ok(tables)
}

/// The programs.
struct Built {
    folder: PathBuf,
    musl: PathBuf,
    mimalloc: PathBuf,
    glibc: PathBuf,
}

impl Built {
    /// Compiles all of them; none where there is no C compiler to compile mimalloc with.
    fn of(setting: &Setting<'_>) -> anyhow::Result<Option<Built>> {
        let Setting { sh, scene, .. } = setting;
        let folder = scene.folder().join("programs/allocates");
        generated::write_allocating(&folder)?;
        // zig is got once; with the whole environment, as there may be a proxy in it. Where it can't be, there may be another one.
        let (scratch, cache) = (scene.scratch(), scene.folder().join("cache"));
        let get = cmd!(sh, "{scratch} scratch doctor --quiet --fix zig --yes").env(CACHE, &cache);
        get.quiet().ignore_status().ignore_stdout().run()?;
        let place = |name: &str| scene.folder().join("compiled/allocates").join(name);
        let built = Built { musl: place("musl"), mimalloc: place("mimalloc"), glibc: place("glibc"), folder };
        let check = |target_dir: &Path| {
            let check = scene.call(scene.scratch(), &built.folder).args(["scratch", "check", "--platform", PLATFORMS]);
            let compilers = COMPILERS.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
            compilers
                .fold(check, |check, (name, value)| check.env(name, value))
                .env(CACHE, &cache)
                .args(["--target-dir".as_ref(), target_dir])
        };
        check(&built.musl).read()?;
        if let Err(error) = check(&built.mimalloc).args(["--allocator", "mimalloc"]).read() {
            anyhow::ensure!(error.to_string().contains("no C compiler for musl"), error);
            console::status("Leaving out", "mimalloc: there is no C compiler for musl");
            return Ok(None);
        }
        let (cargo, manifest, target_dir) = (cargo(), built.folder.join("Cargo.toml"), &built.glibc);
        cmd!(sh, "{cargo} build --quiet --release --manifest-path {manifest} --target-dir {target_dir}")
            .quiet()
            .run()?;
        Ok(Some(built))
    }
}

fn work(call: Call, what: &str, threads: u32, times: u32) -> Call {
    call.args([what, &threads.to_string(), &times.to_string()])
}

/// The program that cargo-scratch put into this target folder.
fn program(target_dir: &Path, platform: &str) -> PathBuf {
    target_dir.join("scratch/allocates-allocates/artifacts").join(platform).join("allocates")
}

fn title(what: &str, threads: u32, platform: &str) -> String {
    let threads = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
    format!("allocating: {what}, {threads}, {platform}")
}

fn natively(setting: &Setting<'_>, built: &Built, what: &str, threads: u32, times: u32) -> anyhow::Result<Table> {
    let scene = setting.scene;
    let run =
        |program: PathBuf| move || Ok(vec![work(scene.call(program.clone(), scene.folder()), what, threads, times)]);
    let title = title(what, threads, "linux/amd64");
    let [musl, glibc, mimalloc] = race(
        scene,
        &title,
        [
            Entrant::new("musl", run(program(&built.musl, "linux/amd64"))),
            Entrant::new("glibc", run(built.glibc.join("release/allocates"))),
            Entrant::new("musl with mimalloc", run(program(&built.mimalloc, "linux/amd64"))),
        ],
        setting.rounds(),
    )?;
    Ok(Table::new("allocator", title, Unit::Milliseconds)
        .row(Row::of(&musl))
        .row(Row::of(&glibc).against(&musl))
        .row(Row::of(&mimalloc).against(&musl).goal(GOAL)))
}

/// The ratio is the emulator's too: it is shown that the program runs, and what it gains there.
fn emulated(setting: &Setting<'_>, built: &Built, what: &str, threads: u32, times: u32) -> anyhow::Result<Table> {
    let scene = setting.scene;
    let run = |target_dir: &PathBuf| {
        let program = program(target_dir, "linux/arm64");
        move || Ok(vec![work(scene.call(EMULATOR, scene.folder()).args([&program]), what, threads, times)])
    };
    let title = title(what, threads, "linux/arm64, emulated");
    let entrants = [Entrant::new("musl", run(&built.musl)), Entrant::new("musl with mimalloc", run(&built.mimalloc))];
    let [musl, mimalloc] = race(scene, &title, entrants, setting.few_rounds())?;
    let table = Table::new("allocator", title, Unit::Milliseconds);
    Ok(table.row(Row::of(&musl)).row(Row::of(&mimalloc).against(&musl)))
}
