//! One call of `cargo scratch build`, and what can be told of it afterwards.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use xshell::{Cmd, cmd};

use super::list::{Application, Start};
use super::request::{self, Docker};
use super::setting::{PLATFORMS, Setting};

/// Where cargo-scratch looks for the tools that it has provided.
const CACHE: &str = "CARGO_SCRATCH_CACHE_DIR";

/// What came of a build.
#[derive(Serialize, Deserialize)]
pub struct Attempt {
    /// How long it took.
    pub seconds: f64,
    /// The first line of its error, if it failed.
    pub error: Option<String>,
    /// What is said of its causes.
    pub causes: Vec<String>,
    /// Whether anything was compiled.
    pub compiled: bool,
    /// What compiles C, and what C++, as the plan says, if it did not fail: `C by zig`.
    pub compilers: Vec<String>,
    /// One for each platform, if it did not.
    pub images: Vec<Image>,
}

/// The image of one platform.
#[derive(Serialize, Deserialize)]
pub struct Image {
    /// Such as `linux/amd64`.
    pub platform: String,
    /// Its compressed layers, in bytes.
    pub compressed_size: u64,
    /// What was seen of it when it was started; nothing if it could not be.
    pub started: Option<String>,
}

/// What came of `doctor --fix`.
#[derive(Serialize, Deserialize)]
pub struct Fix {
    /// How long it took.
    pub seconds: f64,
    /// The first line of its error, if it failed.
    pub error: Option<String>,
}

impl Attempt {
    /// Builds an application for all platforms, and starts it there. `step` names the log; `cache` is the folder of the tools
    /// that cargo-scratch provides, if it is not the user's.
    pub fn build(
        setting: &Setting,
        application: &Application,
        source: &Path,
        step: &str,
        cache: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        let (sh, platforms, options) = (setting.shell(source)?, PLATFORMS.join(","), application.options);
        let locked = source.join("Cargo.lock").exists().then_some("--locked");
        let (archive, smoke) = (source.with_extension("tar"), format!("--smoke={}", application.start.args()));
        let (export, tag) = (format!("type=oci,dest={}", archive.display()), tag(application));
        let call = || {
            cmd!(sh, "cargo scratch build {locked...} {options...} --platform {platforms} --engine builtin").args([
                "--output",
                &export,
                "--tag",
                &tag,
                &smoke,
                "--message-format",
                "json",
            ])
        };
        let started = Instant::now();
        let output = run(setting, call(), cache.as_deref(), &log(application, step))?;
        let mut attempt = Self::of(&output, started.elapsed().as_secs_f64());
        if attempt.error.is_none() {
            let plan = run(setting, call().arg("--dry-run"), cache.as_deref(), &log(application, "plan"))?;
            attempt.compilers = compilers(&serde_json::from_slice(&plan.stdout)?);
        }
        // Without docker, that it listens is all that is seen of a server.
        if let (Start::Serves { args, port }, Some(environment)) = (&application.start, setting.docker())
            && attempt.error.is_none()
        {
            let docker = Docker { sh: &sh, environment };
            let answered = request::to_all(&docker, &tag, args, *port, &archive, &mut attempt.images);
            attempt.error = answered.err().map(|error| format!("error: {error:#}"));
        }
        Ok(attempt)
    }

    fn of(output: &Output, seconds: f64) -> Self {
        let result = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let (compiled, images) = (has_compiled(output), images(&result));
        Self { seconds, error: error(output), causes: causes(output), compiled, compilers: Vec::new(), images }
    }

    /// The image of a platform.
    pub fn image(&self, platform: &str) -> Option<&Image> {
        self.images.iter().find(|image| image.platform == platform)
    }

    /// The sizes of its images.
    pub fn summary(&self) -> String {
        let sizes = self.images.iter().map(|image| format!("{} {}", image.platform, size(image.compressed_size)));
        sizes.collect::<Vec<_>>().join(", ")
    }
}

/// Lets cargo-scratch provide what is missing.
pub fn fix(setting: &Setting, application: &Application, source: &Path) -> anyhow::Result<Fix> {
    let sh = setting.shell(source)?;
    let call = cmd!(sh, "cargo scratch doctor --fix --yes");
    let started = Instant::now();
    let output = run(setting, call, Some(&setting.cache()), &log(application, "doctor"))?;
    Ok(Fix { seconds: started.elapsed().as_secs_f64(), error: error(&output) })
}

/// A size for people.
pub fn size(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

fn log(application: &Application, step: &str) -> String {
    format!("{}-{step}", application.name)
}

/// The name of its image: nobody else's.
fn tag(application: &Application) -> String {
    format!("localhost/cargo-scratch-applications:{}", application.name)
}

/// Runs it, in the applications' environment; what it prints is kept.
fn run(setting: &Setting, call: Cmd<'_>, cache: Option<&Path>, log: &str) -> anyhow::Result<Output> {
    let line = call.to_string();
    let call = call.env_clear().envs(setting.env()).envs(cache.map(|cache| (CACHE, cache)));
    let output = call.quiet().ignore_status().output()?;
    let file = setting.log().join(log).with_extension("log");
    let said = [format!("$ {line}\n").as_bytes(), &output.stderr, &output.stdout].concat();
    fs_err::write(file, said)?;
    Ok(output)
}

/// The first line that says what is wrong, if something is.
fn error(output: &Output) -> Option<String> {
    if output.status.success() {
        return None;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let mut errors = said.lines().filter(|line| line.starts_with("error"));
    // cargo's own come first, and what cargo-scratch says of them last.
    Some(errors.next_back().map_or_else(|| output.status.to_string(), str::to_owned))
}

/// The lines below the last `Caused by:`.
fn causes(output: &Output) -> Vec<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    let Some((_, below)) = said.rsplit_once("\nCaused by:\n") else { return Vec::new() };
    below.lines().take_while(|line| line.starts_with(' ')).map(|line| line.trim().to_owned()).collect()
}

/// Whether cargo has come as far as compiling.
fn has_compiled(output: &Output) -> bool {
    String::from_utf8_lossy(&output.stderr).lines().any(|line| line.trim_start().starts_with("Compiling "))
}

/// What compiles C and C++ for any of the platforms, of cargo-scratch's plan.
fn compilers(plan: &Value) -> Vec<String> {
    let targets = plan["compile"]["targets"].as_array();
    let by = |target: &Value, key: &str, language: &str| {
        let compiler = target[key]["from"].as_str()?;
        Some(format!("{language} by {compiler}"))
    };
    let all = targets.into_iter().flatten().flat_map(|target| [by(target, "c", "C"), by(target, "cxx", "C++")]);
    let different: BTreeSet<_> = all.flatten().collect();
    different.into_iter().collect()
}

/// The images of cargo-scratch's JSON result.
fn images(result: &Value) -> Vec<Image> {
    let (platforms, smoke) = (result["platforms"].as_array(), result["smoke"].as_array());
    let started = |platform: &str| {
        let test = smoke.into_iter().flatten().find(|test| test["platform"] == platform && test["outcome"] == "passed");
        Some(test?["detail"].as_str()?.to_owned())
    };
    let image = |image: &Value| {
        let platform = image["platform"].as_str()?;
        let compressed_size = image["compressed_size"].as_u64()?;
        Some(Image { platform: platform.to_owned(), compressed_size, started: started(platform) })
    };
    platforms.into_iter().flatten().filter_map(image).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[cfg(unix)]
    #[test]
    fn an_error_is_told_with_its_causes() {
        let said = "    Checking x\nerror: no way\n\nCaused by:\n  no cc\n    for this\n\nhelp: get one\n";
        let status = |code: i32| std::os::unix::process::ExitStatusExt::from_raw(code << 8);
        let output = |code, stderr: &str| Output { status: status(code), stdout: Vec::new(), stderr: stderr.into() };
        let failed = Attempt::of(&output(101, said), 1.0);
        assert_eq!(failed.error.as_deref(), Some("error: no way"));
        assert_eq!(
            (failed.causes.as_slice(), failed.compiled),
            (["no cc".to_owned(), "for this".to_owned()].as_slice(), false)
        );
        assert!(Attempt::of(&output(101, "   Compiling x v1\nerror: no\n"), 1.0).compiled);
        assert!(Attempt::of(&output(0, "error: of somebody else's\n"), 1.0).error.is_none());
    }

    #[test]
    fn a_compiler_of_all_platforms_is_named_once() {
        let zig = json!({ "c": { "from": "zig" }, "cxx": { "from": "zig" } });
        let plan = |targets: &[Value]| compilers(&json!({ "compile": { "targets": targets } }));
        assert_eq!(plan(&[zig.clone(), zig.clone()]), ["C by zig", "C++ by zig"]);
        assert_eq!(plan(&[json!({ "c": { "from": "musl_gcc" } }), zig]), ["C by musl_gcc", "C by zig", "C++ by zig"]);
        assert!(plan(&[json!({ "triple": "x86_64-unknown-linux-musl" })]).is_empty());
    }

    #[test]
    fn an_image_that_was_not_run_was_not_started() {
        let result = json!({
            "platforms": [
                { "platform": "linux/amd64", "compressed_size": 1 },
                { "platform": "linux/arm64", "compressed_size": 2 },
            ],
            "smoke": [
                { "platform": "linux/amd64", "outcome": "passed", "detail": "exited" },
                { "platform": "linux/arm64", "outcome": "not_run", "detail": "no emulator" },
            ],
        });
        let images = images(&result);
        let seen: Vec<_> = images.iter().map(|image| (image.compressed_size, image.started.as_deref())).collect();
        assert_eq!(seen, [(1, Some("exited")), (2, None)]);
    }
}
