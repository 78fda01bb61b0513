//! `--target-cpu`: the CPU that the program for a platform is compiled for.

use crate::error::{Error, Origin, Result};
use crate::platform::Platform;
use crate::platform::level::is_level;

/// `-Ctarget-cpu=native`: the CPU of the machine that compiles.
pub const NATIVE: &str = "native";

/// A CPU, and the platform that it is of, where that is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetCpu {
    /// The platform; every one of those that are built where it is left out.
    pub platform: Option<Platform>,
    /// The CPU, as rustc calls it.
    pub cpu: String,
}

impl TargetCpu {
    /// Reads `[PLATFORM=]CPU`.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] for an unknown platform, for no CPU, or for one that the platform contradicts.
    pub fn parse(text: &str) -> Result<TargetCpu> {
        let (platform, cpu) = match text.split_once('=') {
            Some((platform, cpu)) => (Some(Platform::parse(platform)?), cpu.trim()),
            None => (None, text.trim()),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-._+".contains(c);
        if cpu.is_empty() || !cpu.chars().all(is_name) {
            return Err(Error::usage(format!("`{text}` names no CPU"))
                .help("name one as rustc does: --target-cpu [PLATFORM=]CPU, such as linux/arm64=neoverse-n1"));
        }
        let read = TargetCpu { platform, cpu: cpu.to_owned() };
        platform.map_or(Ok(()), |platform| fits(&read.cpu, platform))?;
        Ok(read)
    }
}

/// The CPU of each platform for which one is asked, by the words of the command line or else of the configuration.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if it can't be known which platform a CPU is of, or if it is none that the platform's
/// program could be compiled for.
pub fn assign(flags: &[String], configured: &[String], platforms: &[Platform]) -> Result<Vec<(Platform, String)>> {
    if flags.is_empty() {
        return assign_all(configured, platforms, false).coming_from("`target-cpu` of the configuration");
    }
    assign_all(flags, platforms, true)
}

/// `all_used`: each is for a platform that is built. The configuration is there for all of them.
fn assign_all(words: &[String], platforms: &[Platform], all_used: bool) -> Result<Vec<(Platform, String)>> {
    let asked = words.iter().map(|text| TargetCpu::parse(text)).collect::<Result<Vec<_>>>()?;
    for TargetCpu { platform, cpu } in &asked {
        match platform {
            Some(platform) if all_used && !platforms.contains(platform) => {
                return Err(Error::usage(format!(
                    "`--target-cpu {platform}={cpu}` is for a platform that is not built"
                ))
                .help(format!("build for it too: --platform {platform}")));
            }
            None if platforms.iter().any(|platform| platform.target_arch != platforms[0].target_arch) => {
                return Err(Error::usage(format!("`{cpu}` is a CPU of one architecture, and several are built"))
                    .help(format!("say which it is of: --target-cpu {}={cpu}", platforms[0])));
            }
            _ => {}
        }
    }
    let mut assigned = Vec::new();
    for platform in platforms {
        // What is said of this platform counts more than what is said of all, and the last word most.
        let own = asked.iter().rfind(|asked| asked.platform == Some(*platform));
        if let Some(found) = own.or_else(|| asked.iter().rfind(|asked| asked.platform.is_none())) {
            fits(&found.cpu, *platform)?;
            assigned.push((*platform, found.cpu.clone()));
        }
    }
    Ok(assigned)
}

/// # Errors
/// If the image would say one thing and the program need another, or if only another machine has that CPU.
fn fits(cpu: &str, platform: Platform) -> Result<()> {
    if platform.cpu.is_some_and(|own| own != cpu) && is_level(cpu) {
        return Err(Error::usage(format!("the CPU `{cpu}` contradicts {platform}"))
            .help(format!("leave it out: {platform} is compiled for {}", platform.cpu.unwrap_or_default())));
    }
    if cpu == NATIVE && !platform.is_hosts_kind() {
        let error = Error::usage(format!("`{NATIVE}` is this machine's CPU, which is none of {platform}"));
        return Err(error.help(format!("name one of that platform's: --target-cpu {platform}=CPU")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platforms(names: &[&str]) -> Vec<Platform> {
        names.iter().map(|name| Platform::parse(name).unwrap()).collect()
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn said(flags: &[&str], configured: &[&str], names: &[&str]) -> Result<String> {
        let assigned = assign(&words(flags), &words(configured), &platforms(names))?;
        Ok(assigned.iter().map(|(platform, cpu)| format!("{platform}={cpu}")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_cpu_is_that_of_its_platform_and_else_of_every_one() {
        let both = &["linux/amd64", "linux/arm64"];
        assert_eq!(said(&["arm64=neoverse-n1"], &["amd64=x"], both).unwrap(), "linux/arm64=neoverse-n1");
        assert_eq!(said(&[], &["amd64=x", "linux/riscv64=y"], both).unwrap(), "linux/amd64=x");
        assert_eq!(said(&["a", "b"], &[], &["linux/amd64"]).unwrap(), "linux/amd64=b");
        let levels = &["linux/amd64", "linux/amd64/v3"];
        assert_eq!(said(&["znver4", "amd64=znver3"], &[], levels).unwrap(), "linux/amd64=znver3 linux/amd64/v3=znver4");
        assert_eq!(said(&[], &[], both).unwrap(), "");
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        let error = |flags: &[&str], names: &[&str]| said(flags, &[], names).unwrap_err();
        let several = error(&["znver4"], &["linux/amd64", "linux/arm64"]);
        assert_eq!(several.helps(), ["say which it is of: --target-cpu linux/amd64=znver4"]);
        let other = error(&["arm64=a"], &["linux/amd64"]);
        assert_eq!(other.to_string(), "`--target-cpu linux/arm64=a` is for a platform that is not built");
        let level = error(&["x86-64-v2"], &["linux/amd64/v3"]);
        assert_eq!(level.to_string(), "the CPU `x86-64-v2` contradicts linux/amd64/v3");
        assert!(said(&["x86-64-v3"], &[], &["linux/amd64/v3"]).is_ok());
        let foreign = Platform::all().find(|platform| !platform.is_hosts_kind()).unwrap().to_string();
        assert!(error(&["native"], &[&foreign]).to_string().starts_with("`native` is this machine's CPU"));
        for text in ["", "linux/amd64=", "a b", "a\"b", "linux/none=x"] {
            assert!(TargetCpu::parse(text).is_err(), "{text}");
        }
        let configured = said(&[], &["linux/none=x"], &["linux/amd64"]).unwrap_err();
        assert_eq!(configured.helps().last().unwrap(), "it comes from `target-cpu` of the configuration");
    }
}
