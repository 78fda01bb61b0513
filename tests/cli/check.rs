//! `cargo scratch check FILE…`: what is said of files of every kind, ours or not.

use std::path::PathBuf;
use std::process::Command;

use snapbox::str;

use crate::support::{Project, programs};

const X86: &str = "x86_64-unknown-linux-musl";
const ARM: &str = "aarch64-unknown-linux-musl";

/// A folder without a workspace: files are checked anywhere.
fn folder() -> Project {
    Project::empty().file("hello.rs", "fn main() {\n    println!(\"hello\");\n}\n")
}

/// Has rustc make `file` from `hello.rs`.
fn compile(project: &Project, file: &str, args: &[&str]) {
    let mut command = Command::new(programs::rustc());
    command.args(["hello.rs", "-Copt-level=1", "-Awarnings", "-o", file]).args(args).current_dir(project.root());
    assert!(command.status().unwrap().success(), "{args:?}");
}

/// A program as `cargo scratch` builds it.
fn static_program(project: &Project, file: &str, triple: &str) {
    compile(project, file, &["--target", triple, "-Clinker=rust-lld", "-Cstrip=symbols"]);
}

#[test]
fn a_static_program_is_ready() {
    let project = folder();
    static_program(&project, "amd64", X86);
    static_program(&project, "arm64", ARM);
    project.scratch("check amd64 arm64").succeeds().stderr("").stdout(str![[r#"
amd64: ready (linux/amd64, static-pie, stripped, [SIZE])
arm64: ready (linux/arm64, static, stripped, [SIZE])

"#]]);
    project.scratch("check --platform linux/arm64 arm64").succeeds();
    project.scratch("check amd64 --message-format json").succeeds().stderr("").pretty_json(str![[r#"
{
  "elf": {
    "debug_bytes": 0,
    "executable_stack": false,
    "interpreter": null,
    "is_64": true,
    "little_endian": true,
    "machine": 62,
    "needed": [],
    "pie": true,
    "relro": "full",
    "size": [COUNT],
    "symbols": false,
    "text_relocations": false,
    "type": "dynamic"
  },
  "file": "amd64",
  "findings": [],
  "help": [],
  "platform": "linux/amd64",
  "ready": true
}

"#]]);
}

#[test]
fn readelf_sees_the_same_in_a_static_program() {
    let project = folder();
    static_program(&project, "amd64", X86);
    let file = project.path("amd64");
    if let Some(printed) = programs::printed("readelf", &["--wide", "--all", file.to_str().unwrap()]) {
        let elf = project.scratch("check amd64 --message-format json").succeeds().json()["elf"].clone();
        assert!(!printed.contains("INTERP") && !printed.contains("(NEEDED)") && !printed.contains(".symtab"));
        assert!(printed.contains("Advanced Micro Devices X86-64") && printed.contains("GNU_RELRO"));
        assert_eq!(elf["pie"], printed.contains("Flags: NOW PIE"));
        assert_eq!(elf["size"], file.metadata().unwrap().len());
    }
}

#[test]
fn a_program_for_another_cpu_is_not() {
    let project = folder();
    static_program(&project, "arm64", ARM);
    project
        .scratch("check --platform linux/amd64 arm64")
        .run()
        .code(3)
        .stderr(str![[r#"
error: `arm64` would not start in a scratch image

"#]])
        .stdout(str![[r#"
arm64: not ready (linux/arm64, static, stripped, [SIZE])
  error: it is for linux/arm64, not for linux/amd64 [wrong-cpu]

"#]]);
    project.scratch("check --platform linux/amd64,linux/arm64 arm64").fails(2).stderr(str![[r#"
error: a file is for one platform, and several are named

"#]]);
}

#[test]
fn a_program_for_an_unknown_cpu_is_not() {
    let project = folder();
    static_program(&project, "program", X86);
    let mut bytes = std::fs::read(project.path("program")).unwrap();
    // EM_S390 in the place of `e_machine`.
    bytes[18..20].copy_from_slice(&22_u16.to_le_bytes());
    std::fs::write(project.path("program"), bytes).unwrap();
    project.scratch("check program").run().code(3).stdout(str![[r#"
program: not ready (no known platform, static-pie, stripped, [SIZE])
  error: it is for IBM S/390 (64 bits, little endian), which is none of the known platforms [wrong-cpu]

"#]]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_dynamic_program_of_this_machine_is_not() {
    let project = folder();
    let outcome = project.scratch("check /bin/sh").run().code(3).stderr(str![[r#"
error: `/bin/sh` would not start in a scratch image

"#]]);
    outcome.stdout(str![[r#"
/bin/sh: not ready (linux/[..], dynamic, [..], [SIZE])
  error: it wants to be started by `/lib[..]`, which a scratch image does not have [interpreter]
  error: it needs the shared libraries `lib[..]`, which a scratch image does not have [needed]

"#]]);
    let json = project.scratch("check /bin/sh --message-format json").run().code(3).json();
    assert_eq!(json["ready"], false);
    if let Some(printed) = programs::printed("readelf", &["--wide", "--dynamic", "--program-headers", "/bin/sh"]) {
        let between = |line: &str, from: char, to: char| {
            line.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map(|(found, _)| found.to_owned())
        };
        let needed = printed.lines().filter(|line| line.contains("(NEEDED)")).filter_map(|l| between(l, '[', ']'));
        let interpreter = printed.lines().find(|line| line.contains("program interpreter")).unwrap();
        let interpreter = interpreter.rsplit_once(": ").unwrap().1.trim_end_matches(']');
        assert_eq!(json["elf"]["needed"], serde_json::Value::from(needed.collect::<Vec<_>>()));
        assert_eq!(json["elf"]["interpreter"], interpreter);
    }
}

#[test]
fn what_is_no_program_is_not() {
    let project = folder()
        .file("script", "#!/bin/sh\necho hello\n")
        .file("empty", "")
        .file("text", "hello\n")
        .file("program.exe", "MZ\u{0}\u{0}")
        .file("a folder/file", "");
    compile(&project, "object.o", &["--target", X86, "--emit=obj"]);
    let run = project.scratch("check script empty text program.exe object.o").arg("a folder");
    run.run()
        .code(3)
        .stderr(str![[r#"
error: 6 of 6 files would not start in a scratch image

"#]])
        .stdout(str![[r#"
script: not ready (no known platform, not an ELF file)
  error: it can't be started on Linux: it is a script, and a scratch image has no interpreter for it [not-elf]
empty: not ready (no known platform, not an ELF file)
  error: it can't be started on Linux: it is empty [not-elf]
text: not ready (no known platform, not an ELF file)
  error: it can't be started on Linux: it is no ELF file [not-elf]
program.exe: not ready (no known platform, not an ELF file)
  error: it can't be started on Linux: it is a program for Windows [not-elf]
object.o: not ready (linux/amd64, not a program, not stripped, [SIZE])
  error: it is an object file or a core dump, not a program [not-a-program]
a folder: not ready (no known platform, not an ELF file)
  error: it can't be started on Linux: it is a folder [not-elf]

"#]]);
    project.scratch("check script --message-format json").run().code(3).pretty_json(str![[r#"
{
  "elf": null,
  "file": "script",
  "findings": [
    {
      "code": "not-elf",
      "message": "it can't be started on Linux: it is a script, and a scratch image has no interpreter for it",
      "severity": "error"
    }
  ],
  "help": [],
  "platform": null,
  "ready": false
}

"#]]);
}

#[test]
fn a_program_that_was_cut_short_is_not() {
    let project = folder();
    static_program(&project, "whole", X86);
    let bytes = std::fs::read(project.path("whole")).unwrap();
    for (name, length) in [("header", 40), ("headers", 64), ("tenth", bytes.len() / 10), ("most", bytes.len() - 1)] {
        std::fs::write(project.path(name), &bytes[..length]).unwrap();
    }
    project.scratch("check header headers tenth most").run().code(3).stdout(str![[r#"
header: not ready (no known platform, not an ELF file)
  error: it can't be started on Linux: its headers are damaged, or it was cut short [not-elf]
headers: not ready (no known platform, not an ELF file)
  error: it can't be started on Linux: its headers are damaged, or it was cut short [not-elf]
tenth: not ready (no known platform, not an ELF file)
  error: it can't be started on Linux: it was cut short [not-elf]
most: not ready (no known platform, not an ELF file)
  error: it can't be started on Linux: its headers are damaged, or it was cut short [not-elf]

"#]]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_shared_library_is_not() {
    let project = folder();
    compile(&project, "libhello.so", &["--crate-type=cdylib", "-Cstrip=symbols"]);
    project.scratch("check libhello.so").run().code(3).stdout(str![[r#"
libhello.so: not ready (linux/[..], dynamic, stripped, [SIZE])
  error: it is a shared library, not a program [not-a-program]

"#]]);
}

#[test]
fn what_is_left_in_a_program_is_a_warning() {
    let project = folder();
    compile(&project, "debug", &["--target", X86, "-Clinker=rust-lld", "-g"]);
    compile(&project, "symbols", &["--target", X86, "-Clinker=rust-lld", "-Cstrip=debuginfo"]);
    project.scratch("check debug symbols").succeeds().stdout(str![[r#"
debug: ready (linux/amd64, static-pie, not stripped, [SIZE])
  warning: it has [SIZE] of debug information [debug-sections]
symbols: ready (linux/amd64, static-pie, not stripped, [SIZE])
  warning: it is not stripped of its symbols [symbols]

"#]]);
}

#[test]
fn a_file_that_is_not_there_hides_no_other() {
    let project = folder();
    static_program(&project, "amd64", X86);
    let before = project.tree();
    project
        .scratch("check amd64 missing")
        .run()
        .code(3)
        .stderr(str![[r#"
error: 1 of 2 files would not start in a scratch image

"#]])
        .stdout(str![[r#"
amd64: ready (linux/amd64, static-pie, stripped, [SIZE])
missing: not ready (no known platform, not an ELF file)
  error: it can't be started on Linux: failed to open file `missing`: No such file or directory (os error 2) [not-elf]

"#]]);
    assert_eq!(project.tree(), before);
}

#[test]
fn json_has_a_line_for_each_file() {
    let project = folder().file("one", "1").file("two", "2");
    let outcome = project.scratch("check one two --message-format json").run().code(3);
    let files =
        outcome.line().lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["file"].clone());
    assert_eq!(files.collect::<Vec<_>>(), ["one", "two"]);
}

#[test]
fn a_path_may_have_any_characters() {
    let project = folder();
    let file: PathBuf = project.path("größe mit leer.bin");
    static_program(&project, file.to_str().unwrap(), X86);
    project.scratch("check").arg("größe mit leer.bin").succeeds().stdout(str![[r#"
größe mit leer.bin: ready (linux/amd64, static-pie, stripped, [SIZE])

"#]]);
}
