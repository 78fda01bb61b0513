unsafe extern "C" {
    fn cxx_run() -> i32;
}

fn main() {
    // Rust unwinds beside it, through the same unwinder.
    let caught = std::panic::catch_unwind(|| panic!("panicked")).is_err();
    println!("sum {}, caught {caught}", unsafe { cxx_run() });
}
