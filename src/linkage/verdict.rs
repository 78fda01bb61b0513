//! What the facts mean for a scratch image: an error is a program that won't start, a warning one that is weaker or larger
//! than it need be.

use camino::{Utf8Path, Utf8PathBuf};
use object::elf;
use serde::Serialize;

use super::elf::{ElfFacts, ElfKind, Relro};
use crate::platform::Platform;
use crate::shell::human_bytes;

/// What was found out about a binary.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Report {
    /// The file.
    pub file: Utf8PathBuf,
    /// The platform it runs on, where it is one of ours.
    pub platform: Option<Platform>,
    /// What its headers say; `None` if it isn't a whole ELF file.
    pub elf: Option<ElfFacts>,
    /// What is wrong with it, worst first.
    pub findings: Vec<Finding>,
}

/// Something wrong with a binary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A name for it that stays the same.
    pub code: &'static str,
    /// What was found.
    pub message: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It won't start in a scratch image.
    Error,
    /// It starts, and could be better.
    Warning,
}

impl Report {
    /// Whether it would start in a scratch image.
    pub fn is_ready(&self) -> bool {
        self.errors().next().is_none()
    }

    /// What keeps it from starting.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// What could be better.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Warning)
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.elf.as_ref().map_or(0, |elf| elf.size)
    }

    /// What it is, in a few words: `static-pie, stripped, 412 KiB`.
    pub fn summary(&self) -> String {
        let Some(elf) = &self.elf else {
            return "not an ELF file".to_owned();
        };
        let is_static = elf.interpreter.is_none() && elf.needed.is_empty();
        let linkage = match (elf.kind, is_static) {
            (ElfKind::Other, _) => "not a program",
            (_, false) => "dynamic",
            (ElfKind::Executable, true) => "static",
            (ElfKind::Dynamic, true) if elf.pie => "static-pie",
            (ElfKind::Dynamic, true) => "shared library",
        };
        let stripped = if elf.symbols { "not stripped" } else { "stripped" };
        format!("{linkage}, {stripped}, {}", human_bytes(elf.size))
    }
}

/// Judges what was read. `wanted` is the platform that it has to run on, if that is known.
pub fn judge(
    path: &Utf8Path,
    wanted: Option<Platform>,
    facts: Result<ElfFacts, String>,
    build_paths: &[String],
) -> Report {
    let mut findings = Vec::new();
    let (platform, elf) = match facts {
        Err(why) => {
            findings.push(error("not-elf", format!("it can't be started on Linux: {why}")));
            (wanted, None)
        }
        Ok(facts) => {
            let own = platform_of(wanted, &facts);
            findings.extend(cpu(wanted, own, &facts));
            findings.extend(own.and_then(|own| too_new(own, &facts)));
            match kind(&facts) {
                // What is no program need not be a good one.
                Some(finding) => findings.push(finding),
                None => findings.extend([dynamic(&facts), hardening(&facts), leftovers(&facts, build_paths)].concat()),
            }
            (own.or(wanted), Some(facts))
        }
    };
    findings.sort_by_key(|finding| finding.severity);
    Report { file: path.to_owned(), platform, elf, findings }
}

fn error(code: &'static str, message: impl Into<String>) -> Finding {
    let message = message.into();
    Finding { severity: Severity::Error, code, message }
}

fn warning(code: &'static str, message: impl Into<String>) -> Finding {
    let message = message.into();
    Finding { severity: Severity::Warning, code, message }
}

/// The platform that a header names: the wanted one if it can be that, since a header knows no variants.
pub(super) fn platform_of(wanted: Option<Platform>, facts: &ElfFacts) -> Option<Platform> {
    let wanted = wanted.filter(|platform| is_for(*platform, facts));
    wanted.or_else(|| Platform::all().find(|platform| may_run(*platform, facts)))
}

/// Whether nothing in the headers says that it can't run there.
pub(super) fn may_run(platform: Platform, facts: &ElfFacts) -> bool {
    is_for(platform, facts) && too_new(platform, facts).is_none()
}

fn is_for(platform: Platform, facts: &ElfFacts) -> bool {
    platform.machine == facts.machine && platform.is_64 == facts.is_64 && platform.little_endian == facts.little_endian
}

/// A 32-bit ARM program says in a section of its own which version of the architecture it is for; others do not say it.
fn too_new(platform: Platform, facts: &ElfFacts) -> Option<Finding> {
    // `Tag_CPU_arch` (ABI for the Arm Architecture, "Addenda"): v6T2 has Thumb-2, which the others before v7 lack.
    const V6T2: u64 = 8;
    const V6K: u64 = 9;
    let arch = facts.arm_architecture.filter(|arch| *arch > V6K || *arch == V6T2)?;
    let is_v6 = platform.machine == elf::EM_ARM.0 && platform.variant == Some("v6");
    is_v6.then(|| {
        warning(
            "newer-cpu",
            format!("it is compiled for a newer ARM than {platform} is (Tag_CPU_arch {arch} of its attributes)"),
        )
    })
}

fn cpu(wanted: Option<Platform>, own: Option<Platform>, facts: &ElfFacts) -> Option<Finding> {
    let what = match own {
        Some(own) if wanted.is_none_or(|wanted| wanted == own) => return None,
        Some(own) => format!("for {own}"),
        None => format!("for {}", machine_name(facts)),
    };
    Some(error(
        "wrong-cpu",
        match wanted {
            Some(wanted) => format!("it is {what}, not for {wanted}"),
            None => format!("it is {what}, which is none of the known platforms"),
        },
    ))
}

/// The CPU in the words of `readelf`, for those that people have.
fn machine_name(facts: &ElfFacts) -> String {
    let name = match elf::Machine(facts.machine) {
        elf::EM_386 => "Intel 80386",
        elf::EM_X86_64 => "x86-64",
        elf::EM_ARM => "ARM",
        elf::EM_AARCH64 => "AArch64",
        elf::EM_RISCV => "RISC-V",
        elf::EM_PPC64 => "PowerPC64",
        elf::EM_S390 => "IBM S/390",
        elf::EM_LOONGARCH => "LoongArch",
        elf::Machine(other) => return format!("the machine {other}"),
    };
    let bits = if facts.is_64 { 64 } else { 32 };
    let order = if facts.little_endian { "little" } else { "big" };
    format!("{name} ({bits} bits, {order} endian)")
}

fn kind(facts: &ElfFacts) -> Option<Finding> {
    match facts.kind {
        ElfKind::Other => Some(error("not-a-program", "it is an object file or a core dump, not a program")),
        // A dynamic program has an interpreter, and older linkers do not set the PIE flag.
        ElfKind::Dynamic if !facts.pie && facts.interpreter.is_none() => {
            Some(error("not-a-program", "it is a shared library, not a program"))
        }
        ElfKind::Dynamic | ElfKind::Executable => None,
    }
}

fn dynamic(facts: &ElfFacts) -> Vec<Finding> {
    let interpreter = facts.interpreter.as_ref().map(|interpreter| {
        error("interpreter", format!("it wants to be started by `{interpreter}`, which a scratch image does not have"))
    });
    let needed = (!facts.needed.is_empty()).then(|| {
        let libraries = facts.needed.join("`, `");
        error("needed", format!("it needs the shared libraries `{libraries}`, which a scratch image does not have"))
    });
    interpreter.into_iter().chain(needed).collect()
}

fn hardening(facts: &ElfFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if facts.executable_stack {
        findings.push(warning("executable-stack", "its stack is executable"));
    }
    match facts.relro {
        Relro::None => findings.push(warning("no-relro", "it has no RELRO: its tables of addresses stay writable")),
        Relro::Partial => findings.push(warning("partial-relro", "it has partial RELRO only")),
        Relro::Full => {}
    }
    if facts.text_relocations {
        findings.push(warning("text-relocations", "it has text relocations: its code is writable while it is loaded"));
    }
    findings
}

fn leftovers(facts: &ElfFacts, build_paths: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if facts.debug_bytes > 0 {
        let size = human_bytes(facts.debug_bytes);
        findings.push(warning("debug-sections", format!("it has {size} of debug information")));
    } else if facts.symbols {
        findings.push(warning("symbols", "it is not stripped of its symbols"));
    }
    if !build_paths.is_empty() {
        let paths = build_paths.join("`, `");
        findings.push(warning("build-paths", format!("it has paths of the build machine: `{paths}`")));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> ElfFacts {
        ElfFacts {
            size: 421_888,
            machine: elf::EM_X86_64.0,
            is_64: true,
            little_endian: true,
            kind: ElfKind::Dynamic,
            pie: true,
            relro: Relro::Full,
            ..ElfFacts::default()
        }
    }

    fn codes(wanted: Option<&str>, facts: ElfFacts) -> Vec<&'static str> {
        let wanted = wanted.map(|name| Platform::parse(name).unwrap());
        let report = judge(Utf8Path::new("app"), wanted, Ok(facts), &[]);
        report.findings.iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_static_pie_is_ready() {
        let report = judge(Utf8Path::new("app"), None, Ok(good()), &[]);
        assert!(report.findings.is_empty() && report.is_ready());
        assert_eq!(report.platform.unwrap().to_string(), "linux/amd64");
        assert_eq!(report.summary(), "static-pie, stripped, 412 KiB");
    }

    #[test]
    fn each_fault_is_found() {
        let facts = |change: fn(&mut ElfFacts)| {
            let mut facts = good();
            change(&mut facts);
            facts
        };
        type Case<'a> = (Option<&'a str>, fn(&mut ElfFacts), &'a str);
        let cases: [Case<'_>; 13] = [
            (Some("linux/arm64"), |_| {}, "wrong-cpu"),
            (None, |f| f.machine = elf::EM_MIPS.0, "wrong-cpu"),
            (None, |f| f.is_64 = false, "wrong-cpu"),
            (None, |f| f.little_endian = false, "wrong-cpu"),
            (None, |f| f.kind = ElfKind::Other, "not-a-program"),
            (None, |f| f.pie = false, "not-a-program"),
            (None, |f| f.interpreter = Some("/lib/ld-musl-x86_64.so.1".into()), "interpreter"),
            (None, |f| f.needed = vec!["libssl.so.3".into()], "needed"),
            (None, |f| f.executable_stack = true, "executable-stack"),
            (None, |f| f.relro = Relro::None, "no-relro"),
            (None, |f| f.text_relocations = true, "text-relocations"),
            (None, |f| f.symbols = true, "symbols"),
            (None, |f| f.debug_bytes = 1, "debug-sections"),
        ];
        for (wanted, change, code) in cases {
            assert_eq!(codes(wanted, facts(change)), [code]);
        }
    }

    #[test]
    fn a_header_is_that_of_every_variant() {
        let platform = |wanted: Option<&str>, facts: ElfFacts| {
            let wanted = wanted.map(|name| Platform::parse(name).unwrap());
            judge(Utf8Path::new("app"), wanted, Ok(facts), &[]).platform.map(|platform| platform.to_string())
        };
        assert_eq!(platform(Some("linux/amd64/v3"), good()).as_deref(), Some("linux/amd64/v3"));
        assert_eq!(platform(Some("linux/386"), good()).as_deref(), Some("linux/amd64"));
        let arm =
            |architecture| ElfFacts { machine: elf::EM_ARM.0, is_64: false, arm_architecture: architecture, ..good() };
        assert_eq!(platform(None, arm(Some(6))).as_deref(), Some("linux/arm/v7"));
        assert_eq!(codes(Some("linux/arm/v6"), arm(Some(6))), [""; 0]);
        assert_eq!(codes(Some("linux/arm/v6"), arm(None)), [""; 0]);
        assert_eq!(codes(Some("linux/arm/v7"), arm(Some(10))), [""; 0]);
        assert_eq!(codes(Some("linux/arm/v6"), arm(Some(10))), ["newer-cpu"]);
        assert_eq!(codes(Some("linux/arm64"), arm(Some(10))), ["wrong-cpu"]);
        let s390x = ElfFacts { machine: elf::EM_S390.0, little_endian: false, ..good() };
        assert_eq!(platform(None, s390x).as_deref(), Some("linux/s390x"));
    }

    #[test]
    fn only_what_keeps_it_from_starting_is_an_error() {
        let mut facts = good();
        facts.executable_stack = true;
        facts.needed = vec!["libc.so".into()];
        let report = judge(Utf8Path::new("app"), None, Ok(facts), &["/home/me/x".into()]);
        assert!(!report.is_ready());
        assert_eq!(report.errors().map(|f| f.code).collect::<Vec<_>>(), ["needed"]);
        assert_eq!(report.warnings().map(|f| f.code).collect::<Vec<_>>(), ["executable-stack", "build-paths"]);
    }

    #[test]
    fn what_is_no_elf_file_is_said() {
        let report = judge(Utf8Path::new("app"), None, Err("it is no ELF file".into()), &[]);
        assert_eq!(report.findings[0].message, "it can't be started on Linux: it is no ELF file");
        assert_eq!(report.summary(), "not an ELF file");
    }
}
