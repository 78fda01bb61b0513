use std::path::PathBuf;

fn main() {
    // What is generated has a whole path, which is in `__FILE__` then.
    let generated = PathBuf::from(std::env::var_os("OUT_DIR").unwrap()).join("generated.c");
    std::fs::write(&generated, "const char *generated_file(void) { return __FILE__; }\n").unwrap();
    cc::Build::new().file("src/things.c").file(generated).define("_FILE_OFFSET_BITS", "64").compile("things");
    // Libraries of their own with glibc; with musl all is in one.
    for library in ["m", "pthread", "dl", "rt"] {
        println!("cargo::rustc-link-lib={library}");
    }
    println!("cargo::rerun-if-changed=src/things.c");
}
