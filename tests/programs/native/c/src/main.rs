use std::ffi::{CStr, CString, c_char};

unsafe extern "C" {
    fn size_of_file(path: *const c_char) -> i64;
    fn position(path: *const c_char) -> i64;
    fn threads() -> i32;
    fn root(x: f64) -> f64;
    fn shifted(by: i32) -> i32;
    fn left_to_a_library(one: f64) -> i32;
    fn generated_file() -> *const c_char;
}

fn main() {
    let own = CString::new(std::env::args().next().unwrap()).unwrap();
    let length = std::fs::metadata(own.to_str().unwrap()).unwrap().len();
    unsafe {
        let sizes = size_of_file(own.as_ptr()) as u64 == length && position(own.as_ptr()) as u64 == length;
        println!("sizes {sizes}, threads {}, root {}", threads(), root(64.0));
        println!("shifted {}", shifted(33) == shifted(33));
        println!("left {}", left_to_a_library(1.0));
        let file = CStr::from_ptr(generated_file()).to_str().unwrap();
        println!("generated in {}", file.split("/target/").next().unwrap());
    }
}
