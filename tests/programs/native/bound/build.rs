use std::path::PathBuf;

fn main() {
    let built = cmake::Config::new("adder").register_dep("z").build();
    println!("cargo::rustc-link-search=native={}", built.join("lib").display());
    println!("cargo::rustc-link-lib=static=adder");
    println!("cargo::rerun-if-changed=adder");
    let bindings = bindgen::builder().header("adder/adder.h").allowlist_function("adder_.*").allowlist_type("adder_.*");
    let folder = PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    bindings.generate().unwrap().write_to_file(folder.join("adder.rs")).unwrap();
}
