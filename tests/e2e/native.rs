//! Programs with C and C++ in them, with what was got into the cache folder, on a machine that has no compiler for musl.
//!
//! The cache folder is that of the tests' own home, which they share and keep: zig makes its C++ library once.

use std::path::Path;

use crate::programs::run;
use crate::support::{BOTH, Cmd, Project, has};

/// A member of `tests/programs/native`, with zig, cmake and libclang in the cache folder.
fn native(member: &str) -> Option<Project> {
    let project = Project::native(member)?;
    project.scratch("doctor").args(["--fix", "--yes"]).run();
    Some(project)
}

/// Its program for each platform, checked, and what it prints there.
#[track_caller]
fn prints(project: &Project, package: &str, expected: &str) {
    let checked = project.scratch("check").args(["--platform", BOTH]).run().succeeded();
    assert_eq!(checked.stdout.matches(": ready (").count(), 2, "{checked}");
    for platform in BOTH.split(',') {
        let program = project.artifact(platform, package, package);
        let Some(command) = run(platform, &program) else { continue };
        let printed = command.run().succeeded().stdout;
        assert_eq!(printed, expected, "{platform}");
        is_as_hard_as_rust(platform, &program);
    }
}

/// C and C++ in it do not cost what a program of Rust alone has.
fn is_as_hard_as_rust(platform: &str, program: &Path) {
    let read = |what: &str| Cmd::new("readelf").args(["--wide", what]).arg(program).env("LC_ALL", "C").read();
    let kind = if platform == "linux/amd64" { "DYN" } else { "EXEC" };
    assert!(read("--file-header").contains(&format!("Type:                              {kind} ")), "{platform}");
    let segments = read("--segments");
    let stack = segments.lines().find(|line| line.contains("GNU_STACK")).unwrap();
    assert!(stack.contains(" RW ") && segments.contains("GNU_RELRO") && !segments.contains("INTERP"), "{segments}");
    assert!(!read("--dynamic").contains("NEEDED"), "{platform}");
}

#[test]
fn c_is_compiled_for_musl_and_says_nothing_of_this_machine() {
    let Some(project) = native("c") else { return };
    prints(&project, "native-c", "sizes true, threads 9, root 12\nshifted true\nleft -1\ngenerated in /workspace\n");
    let again = project.scratch("check").args(["--platform", BOTH]).run().succeeded();
    again.not_saying("Compiling");
}

#[test]
fn cxx_is_linked_as_rust_is_with_its_exceptions_threads_and_streams() {
    let Some(project) = native("cxx") else { return };
    let expected = "C++ constructed 44\nsum 44, caught true\n";
    prints(&project, "native-cxx", expected);
}

#[test]
fn cmake_and_bindgen_find_what_is_the_targets() {
    let Some(project) = native("bound") else { return };
    prints(&project, "native-bound", "sum 2147483648 of 24 bytes, node 2147483647\n");
}

const C: [(&str, &str); 4] = [
    (
        "Cargo.toml",
        "[package]\nname = \"own\"\nversion = \"1.0.0\"\nedition = \"2021\"\n[build-dependencies]\ncc = \"1\"\n[workspace]\n",
    ),
    ("build.rs", "fn main() { cc::Build::new().file(\"answer.c\").compile(\"answer\"); }\n"),
    ("answer.c", "#ifndef ANSWER\n#define ANSWER 1\n#endif\nint answer(void) { return ANSWER; }\n"),
    (
        "src/main.rs",
        "unsafe extern \"C\" { fn answer() -> i32; }\nfn main() { println!(\"{}\", unsafe { answer() }); }\n",
    ),
];

/// The user's own compiler, where nobody but cargo and cc-rs knows of it.
#[test]
fn the_users_compiler_and_flags_are_taken_wherever_they_are_set() {
    let Some(project) = Project::new(&C) else { return };
    if has("gcc").is_none() {
        return;
    }
    let compiler = project.beside("mine");
    fs_err::write(&compiler, "#!/bin/sh\nexec gcc -DANSWER=42 \"$@\"\n").unwrap();
    Cmd::new("chmod").arg("+x").arg(&compiler).run().succeeded();
    let check = || project.scratch("check").args(["--platform", "linux/amd64"]);
    let answers = |expected: &str| {
        let program = project.artifact("linux/amd64", "own", "own");
        if let Some(command) = run("linux/amd64", &program) {
            assert_eq!(command.run().succeeded().line(), expected);
        }
    };
    let table = format!("[env]\nCC_x86_64_unknown_linux_musl = {:?}\n", compiler.to_str().unwrap());
    project.write(".cargo/config.toml", &table);
    check().run().succeeded().not_saying("glibc");
    answers("42");
    check().run().succeeded().not_saying("Compiling");
    project.write(".cargo/config.toml", "");
    check().env("TARGET_CC", &compiler).env("TARGET_CFLAGS", "-UANSWER -DANSWER=7").run().succeeded();
    answers("7");
    // What was compiled with is in the plan.
    let plan = project.scratch("build").args(["--dry-run", "--engine", "builtin", "-o", "type=oci,dest=x.tar"]);
    let plan = plan.args(["--platform", "linux/amd64"]).env("CC_x86_64-unknown-linux-musl", "mycc").run().succeeded();
    assert!(plan.stdout.contains("C by mycc, as CC_x86_64-unknown-linux-musl says"), "{plan}");
    assert!(!plan.stdout.contains(" CC_x86_64_unknown_linux_musl="), "{plan}");
}

/// Neither throws the other's work away, though they compile C with different compilers.
#[test]
fn the_users_cargo_and_ours_leave_each_others_c_alone() {
    let Some(project) = Project::new(&C) else { return };
    if has("gcc").is_none() {
        return;
    }
    project.scratch("doctor").args(["--fix", "--yes"]).run();
    let theirs = || {
        let build = project.cargo("build").args(["--release", "--target", "x86_64-unknown-linux-musl"]);
        build.env("CC_x86_64_unknown_linux_musl", "gcc").run().succeeded()
    };
    let ours = || project.scratch("check").args(["--platform", "linux/amd64"]).run().succeeded();
    theirs();
    ours().saying("Compiling");
    theirs().not_saying("Compiling");
    ours().not_saying("Compiling");
}

/// What stands behind the path of a compiler is a part of it: cargo would take what another one made.
#[test]
fn another_compiler_compiles_anew() {
    let Some(project) = Project::new(&C) else { return };
    if has("gcc").is_none() {
        return;
    }
    let check = || project.scratch("check").args(["--platform", "linux/amd64"]);
    let first = check().env("CARGO_SCRATCH_CACHE_DIR", project.beside("empty")).run().succeeded();
    first.saying("gcc with glibc's headers");
    project.scratch("doctor").args(["--fix", "--yes"]).run();
    check().run().succeeded().saying("Compiling own").not_saying("glibc");
    check().run().succeeded().not_saying("Compiling");
    let of_v3 = || check().arg("--target-cpu=x86-64-v3").run().succeeded();
    of_v3().saying("Compiling own");
    of_v3().not_saying("Compiling");
    check().run().succeeded().not_saying("Compiling");
}

/// A machine without any C compiler: what has no C in it is built all the same, the rest is refused at once, and built
/// after what it says.
#[test]
fn without_a_compiler_pure_programs_are_built_and_others_say_what_they_want() {
    let Some(project) = Project::new(&C) else { return };
    let path = project.beside("path");
    if !programs_but_compilers(&path) {
        return;
    }
    let cache = project.beside("cache");
    let run_in = |project: &Project, verb: &str| {
        let command = project.scratch(verb).env("PATH", &path).env("CARGO_SCRATCH_CACHE_DIR", &cache);
        command.args(["--platform", "linux/amd64"])
    };
    let pure = Project::new(&[
        (
            "Cargo.toml",
            "[package]\nname = \"pure\"\nversion = \"1.0.0\"\nedition = \"2021\"\n[dependencies]\nmacros = { path = \"macros\" }\n[workspace]\n",
        ),
        // `pthread_atfork` is what `rand` calls, and is not in the library that programs are run with.
        (
            "build.rs",
            "extern \"C\" { fn pthread_atfork(a: Option<extern \"C\" fn()>, b: Option<extern \"C\" fn()>, c: Option<extern \"C\" fn()>) -> i32; }\nfn main() {\n    assert_eq!(unsafe { pthread_atfork(None, None, None) }, 0);\n    println!(\"cargo::rustc-env=WORD={}\", std::env::consts::ARCH);\n}\n",
        ),
        ("src/main.rs", "fn main() { println!(\"{} {}\", macros::three!(), env!(\"WORD\")); }\n"),
        (
            "macros/Cargo.toml",
            "[package]\nname = \"macros\"\nversion = \"1.0.0\"\nedition = \"2021\"\n[lib]\nproc-macro = true\n",
        ),
        (
            "macros/src/lib.rs",
            "#[proc_macro]\npub fn three(_: proc_macro::TokenStream) -> proc_macro::TokenStream {\n    std::thread::spawn(|| std::fs::metadata(\".\").unwrap().is_dir()).join().unwrap();\n    \"3\".parse().unwrap()\n}\n",
        ),
    ])
    .unwrap();
    run_in(&pure, "check").run().succeeded();
    let program = pure.artifact("linux/amd64", "pure", "pure");
    if let Some(command) = run("linux/amd64", &program) {
        assert_eq!(command.run().succeeded().line(), "3 x86_64");
    }
    let refused = run_in(&project, "check").run().ended(101);
    refused.saying("cargo scratch doctor --fix");
    run_in(&project, "doctor").arg("--fix").run().saying("zig 0.17.1");
    run_in(&project, "check").run().succeeded();
}

/// A folder with links to all programs on `PATH` that compile nothing.
fn programs_but_compilers(folder: &Path) -> bool {
    fs_err::create_dir_all(folder).unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let compiles = |name: &str| {
        let kinds = ["gcc", "g++", "clang", "c++", "musl-gcc", "zig", "tcc"];
        name == "cc" || name.starts_with("python") || kinds.iter().any(|kind| name.contains(kind))
    };
    for entry in std::env::split_paths(&path).filter_map(|folder| fs_err::read_dir(folder).ok()).flatten().flatten() {
        let name = entry.file_name();
        if !compiles(&name.to_string_lossy()) && !folder.join(&name).exists() {
            let _ = std::os::unix::fs::symlink(entry.path(), folder.join(&name));
        }
    }
    // Something is left of it.
    folder.join("sh").exists()
}
