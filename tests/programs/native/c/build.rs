fn main() {
    cc::Build::new().file("src/things.c").define("_FILE_OFFSET_BITS", "64").compile("things");
    // Libraries of their own with glibc; with musl all is in one.
    for library in ["m", "pthread", "dl", "rt"] {
        println!("cargo::rustc-link-lib={library}");
    }
    println!("cargo::rerun-if-changed=src/things.c");
}
