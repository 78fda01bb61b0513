//! Needs nothing but itself.

fn main() {
    println!("nothing is missing");
}
