fn main() {
    cc::Build::new().cpp(true).std("c++17").file("src/things.cc").compile("things");
    println!("cargo::rerun-if-changed=src/things.cc");
}
