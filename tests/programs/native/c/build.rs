use std::path::{Path, PathBuf};

fn main() {
    // What is generated has a whole path, which is in `__FILE__` then.
    let generated = PathBuf::from(std::env::var_os("OUT_DIR").unwrap()).join("generated.c");
    std::fs::write(&generated, "const char *generated_file(void) { return __FILE__; }\n").unwrap();
    cc::Build::new().file("src/things.c").file(generated).define("_FILE_OFFSET_BITS", "64").compile("things");
    // Libraries of their own with glibc; with musl all is in one.
    for library in ["m", "pthread", "dl", "rt", "atomic", "gcc"] {
        println!("cargo::rustc-link-lib={library}");
    }
    println!("cargo::rerun-if-changed=src/things.c");
    link_and_strip(&PathBuf::from(std::env::var_os("OUT_DIR").unwrap()).join("tool"));
}

fn link_and_strip(tool: &Path) {
    let compiler = cc::Build::new().get_compiler();
    assert!(compiler.to_command().args(["src/tool.c", "-o"]).arg(tool).status().unwrap().success());
    let length = || std::fs::metadata(tool).unwrap().len();
    let linked = length();
    // Where it is looked for if the compiler is a clang; a gcc has one of its own name.
    let strip = compiler.path().with_file_name("llvm-strip");
    if strip.is_file() {
        assert!(std::process::Command::new(strip).arg("-s").arg(tool).status().unwrap().success());
        assert!(length() < linked);
    }
    println!("cargo::rerun-if-changed=src/tool.c");
}
