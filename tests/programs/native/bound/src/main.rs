#![allow(non_camel_case_types)]

include!(concat!(env!("OUT_DIR"), "/adder.rs"));

fn main() {
    let sum = unsafe { adder_add(i32::MAX, 1) };
    println!("sum {} of {} bytes, node {}", sum.value, size_of_val(&sum), sum.node);
}
