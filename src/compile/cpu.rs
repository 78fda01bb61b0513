//! The CPU that a program is compiled for: the user's, in rustflags or for a platform, or else the platform's own.

use camino::Utf8Path;

use super::cargo_config::CargoConfig;
use super::flags::codegen_option;
use crate::error::{Error, Result, nearest};
use crate::platform::Platform;
use crate::process::Command;
use crate::resolve::target_cpu::NATIVE;

/// The CPU that a platform's program is compiled for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The value of our `-Ctarget-cpu`; nothing where the user has one, or rustc's own default is meant.
    pub ours: Option<String>,
    /// What the user should know.
    pub warning: Option<String>,
}

/// Chooses the CPU of a platform. `asked` is that of `--target-cpu`; what stands in rustflags counts more.
pub fn choose(config: &CargoConfig, platform: Platform, asked: Option<&str>) -> Choice {
    let theirs = codegen_option(config.rustflags(platform.triple).flags(), "target-cpu");
    let wanted = asked.or(platform.cpu);
    let used = theirs.as_deref().or(wanted);
    let only_here = "so that the image runs on no other CPU for sure";
    let of_flags = format!("rustflags say `-Ctarget-cpu={}`", theirs.as_deref().unwrap_or_default());
    let warning = match (theirs.as_deref(), wanted) {
        (Some(theirs), Some(wanted)) if theirs != wanted => {
            Some(format!("{platform} is not compiled for `{wanted}`: {of_flags}, and they count more"))
        }
        (Some(theirs), None) => own_platform(platform, theirs).map(|own| {
            format!("{of_flags}, and the image says {platform}; to have it say what it needs: --platform {own}")
        }),
        _ => None,
    };
    let native = (used == Some(NATIVE)).then(|| format!("{platform} is compiled for this machine's CPU, {only_here}"));
    let other = used.zip(platform.cpu).filter(|(used, own)| used != own);
    let other = other.map(|(used, own)| format!("the image says {platform}, which is {own}; compiled is for `{used}`"));
    Choice { ours: wanted.filter(|_| theirs.is_none()).map(str::to_owned), warning: warning.or(native).or(other) }
}

/// The platform that is this one with that CPU.
fn own_platform(platform: Platform, cpu: &str) -> Option<Platform> {
    Platform::all().find(|other| other.triple == platform.triple && other.cpu == Some(cpu))
}

/// Looks whether rustc knows a CPU; it would only warn, and compile for another.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if it does not. None if it can't be asked.
pub fn check(rustc: &Utf8Path, platform: Platform, cpu: &str) -> Result<()> {
    let command = Command::new(rustc.as_str()).args(["--print", "target-cpus", "--target", platform.triple]);
    let Ok(output) = command.capture_quietly() else { return Ok(()) };
    let text = String::from_utf8_lossy(&output.stdout);
    let known = names(&text);
    if !output.status.success() || known.is_empty() || known.contains(&cpu) || cpu == NATIVE {
        return Ok(());
    }
    let error = Error::usage(format!("rustc knows no CPU `{cpu}` for {platform}"));
    let near = nearest(cpu, known).map(|near| format!("a CPU with a similar name exists: `{near}`"));
    Err(error.maybe_help(near).help(format!("see all of them: {command}")))
}

/// The names in what `rustc --print target-cpus` prints: a headline, then a name a line, some with a remark.
fn names(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| line.starts_with(' '));
    lines.filter_map(|line| line.split_whitespace().next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(platform: &str, asked: Option<&str>, rustflags: &str) -> (Option<String>, String) {
        let config = CargoConfig::for_tests("", &[("RUSTFLAGS", rustflags)]);
        let Choice { ours, warning } = choose(&config, Platform::parse(platform).unwrap(), asked);
        (ours, warning.unwrap_or_default())
    }

    #[test]
    fn the_platforms_cpu_is_ours_to_say_unless_another_is_named() {
        assert_eq!(chosen("linux/amd64", None, ""), (None, String::new()));
        assert_eq!(chosen("linux/amd64/v3", None, ""), (Some("x86-64-v3".to_owned()), String::new()));
        assert_eq!(chosen("linux/arm64", Some("neoverse-n1"), "").0.as_deref(), Some("neoverse-n1"));
        let (ours, warning) = chosen("linux/amd64/v3", Some("znver4"), "");
        assert_eq!(ours.as_deref(), Some("znver4"));
        assert_eq!(warning, "the image says linux/amd64/v3, which is x86-64-v3; compiled is for `znver4`");
        assert!(chosen("linux/amd64", Some("native"), "").1.contains("runs on no other CPU"));
    }

    #[test]
    fn rustflags_count_more_and_what_they_contradict_is_said() {
        assert_eq!(chosen("linux/amd64/v3", None, "-Ctarget-cpu=x86-64-v3"), (None, String::new()));
        let (ours, warning) = chosen("linux/amd64/v3", None, "-C target-cpu=x86-64-v2");
        assert_eq!(ours, None);
        assert!(warning.starts_with("linux/amd64/v3 is not compiled for `x86-64-v3`: rustflags say"), "{warning}");
        let (_, warning) = chosen("linux/amd64", None, "-Ctarget-cpu=x86-64-v3");
        assert!(warning.ends_with("--platform linux/amd64/v3"), "{warning}");
        assert_eq!(chosen("linux/amd64", None, "-Ctarget-cpu=znver4").1, "");
        assert!(chosen("linux/amd64", None, "-Ctarget-cpu=native").1.contains("runs on no other CPU"));
    }

    #[test]
    fn the_list_of_cpus_is_read() {
        let text = "Available CPUs for this target:\n    native                  - Select the CPU of the current host.\n    znver4\n\n";
        assert_eq!(names(text), ["native", "znver4"]);
    }
}
