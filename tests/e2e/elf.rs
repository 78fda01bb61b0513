//! What `cargo scratch check` says of a file is what `readelf` and `file` say of it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::project::program;
use crate::support::{BOTH, Cmd, Engines, Project, has};

/// What binutils say.
struct Outsider {
    header: String,
    segments: String,
    dynamic: String,
    sections: String,
}

impl Outsider {
    fn read(path: &Path) -> Outsider {
        let read = |what: &str| Cmd::new("readelf").args(["--wide", what]).arg(path).env("LC_ALL", "C").read();
        Outsider {
            header: read("--file-header"),
            segments: read("--segments"),
            dynamic: read("--dynamic"),
            sections: read("--sections"),
        }
    }

    fn header(&self, field: &str) -> &str {
        let line = self.header.lines().find_map(|line| line.trim().strip_prefix(field)?.strip_prefix(':'));
        line.unwrap().trim()
    }

    fn segment(&self, name: &str) -> Option<&str> {
        self.segments.lines().find(|line| line.trim().starts_with(&format!("{name} ")))
    }

    fn needed(&self) -> Vec<&str> {
        let lines = self.dynamic.lines().filter(|line| line.contains("(NEEDED)"));
        lines.map(|line| line.split_once('[').unwrap().1.trim_end_matches(']')).collect()
    }
}

/// The report and the outsiders agree on everything that they both speak of.
#[track_caller]
fn agree(path: &Path, report: &Value) {
    let (elf, outsider) = (&report["elf"], Outsider::read(path));
    let size = fs_err::metadata(path).unwrap().len();
    assert_eq!(elf["size"], size, "{report}");
    let machine = match outsider.header("Machine") {
        "Advanced Micro Devices X86-64" => 62,
        "AArch64" => 183,
        other => panic!("{other}"),
    };
    assert_eq!(elf["machine"], machine, "{report}");
    assert_eq!(elf["is_64"], outsider.header("Class") == "ELF64", "{report}");
    assert_eq!(elf["little_endian"], outsider.header("Data").contains("little endian"), "{report}");
    let kind = match outsider.header("Type").split(' ').next().unwrap() {
        "EXEC" => "executable",
        "DYN" => "dynamic",
        _ => "other",
    };
    assert_eq!(elf["type"], kind, "{report}");
    assert_eq!(elf["pie"], outsider.dynamic.contains("PIE"), "{report}");
    assert_eq!(elf["needed"], Value::from(outsider.needed()), "{report}");
    let interpreter = outsider.segments.lines().find_map(|line| line.split_once("program interpreter: "));
    let interpreter = interpreter.map(|(_, path)| path.trim_end_matches(']'));
    assert_eq!(elf["interpreter"].as_str(), interpreter, "{report}");
    assert_eq!(elf["symbols"], outsider.sections.contains(" SYMTAB "), "{report}");
    assert_eq!(elf["debug_bytes"] != 0, outsider.sections.contains(" .debug_"), "{report}");
    if kind != "other" {
        let stack = outsider.segment("GNU_STACK").is_none_or(|line| line.contains("RWE"));
        assert_eq!(elf["executable_stack"], stack, "{report}");
        let relro = outsider.segment("GNU_RELRO").is_some();
        assert_eq!(elf["relro"] != "none", relro, "{report}");
    }
    let is_static = outsider.needed().is_empty() && interpreter.is_none();
    let said = Cmd::new("file").arg("--brief").arg(path).read();
    assert_eq!(said.contains("static"), is_static && kind != "other", "{said}");
    assert_eq!(report["ready"], is_static && kind != "other", "{report}");
}

/// The reports of `check` on these files.
fn reports(files: &[PathBuf], code: i32) -> Vec<Value> {
    let check = Cmd::new(env!("CARGO_BIN_EXE_cargo-scratch")).args(["check", "--message-format", "json"]).args(files);
    let checked = check.run().ended(code);
    checked.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn of_what_we_build() {
    let Some(project) = Project::program("mine", &program("mine")) else { return };
    for profile in ["release", "dev"] {
        let mut check = project.scratch("check").args(["--platform", BOTH, "--message-format", "json"]);
        if profile == "dev" {
            check = check.args(["--profile", "dev", "--config", "profile.dev.strip='none'"]);
        }
        let checked = check.run().succeeded();
        let reports: Vec<Value> = checked.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(reports.len(), 2);
        for report in &reports {
            assert_eq!(report["elf"]["symbols"], profile == "dev");
            agree(Path::new(report["file"].as_str().unwrap()), report);
        }
        let files: Vec<_> = reports.iter().map(|report| report["file"].as_str().unwrap().into()).collect();
        assert_eq!(self::reports(&files, 0).len(), 2);
    }
}

#[test]
fn of_what_others_built() {
    if Engines::find().is_none() || has("readelf").is_none() {
        return;
    }
    let own = std::env::current_exe().unwrap();
    let sysroot = PathBuf::from(Cmd::new("rustc").args(["--print", "sysroot"]).read());
    let objects = sysroot.join("lib/rustlib/aarch64-unknown-linux-musl/lib/self-contained");
    let files = [own, "/bin/sh".into(), objects.join("crt1.o")];
    let reports = reports(&files, 3);
    for (file, report) in files.iter().zip(&reports) {
        agree(file, report);
    }
    // Programs of Debian's that are static, one of each kind: no musl, no Rust.
    for emulator in ["qemu-aarch64-static", "qemu-x86_64-static"] {
        if let Ok(path) = which::which(emulator) {
            agree(&path, &self::reports(std::slice::from_ref(&path), 0)[0]);
        }
    }
}

#[test]
fn of_what_is_no_program() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs_err::write(&path, bytes).unwrap();
        path
    };
    let own = fs_err::read(std::env::current_exe().unwrap()).unwrap();
    let files = [
        file("empty", b""),
        file("script", b"#!/bin/sh\n"),
        file("cut", &own[..own.len() / 2]),
        file("head", &own[..64]),
        file("noise", &[b"\x7fELF", &[0xff; 200][..]].concat()),
    ];
    for report in reports(&files, 3) {
        assert_eq!(report["ready"], false, "{report}");
        assert!(!report["findings"].as_array().unwrap().is_empty(), "{report}");
    }
}
