//! Says what a moment is called in the time zone that `TZ` names, by the system's zone data.

use chrono::{Local, TimeZone};

fn main() {
    let moment = Local.timestamp_opt(1_720_000_000, 0).single();
    println!("{}", moment.expect("every moment has one name").to_rfc3339());
}
