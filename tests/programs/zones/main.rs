//! Says what the C library makes of time zones: `zones PREFIX [ZONE TIME]...` prints a line with the name of the zone, the
//! time, and the offset from UTC in seconds and the abbreviation in force there and then. `TZ` is PREFIX and ZONE.
//!
//! rustc alone compiles it, with no crate in between, against glibc as well as musl.

use std::env;
use std::ffi::{CStr, c_char, c_int, c_long};

/// `struct tm`, which is the same in both.
#[repr(C)]
struct Tm {
    numbers: [c_int; 9],
    offset: c_long,
    abbreviation: *const c_char,
}

unsafe extern "C" {
    fn tzset();
    fn localtime_r(time: *const i64, tm: *mut Tm) -> *mut Tm;
}

fn main() {
    let mut args = env::args().skip(1);
    let prefix = args.next().expect("a prefix");
    while let (Some(zone), Some(time)) = (args.next(), args.next()) {
        // Nothing else runs here that could read the variable meanwhile.
        unsafe { env::set_var("TZ", format!("{prefix}{zone}")) };
        let seconds: i64 = time.parse().expect("a number");
        let mut tm = Tm { numbers: [0; 9], offset: 0, abbreviation: c"".as_ptr() };
        let abbreviation = unsafe {
            tzset();
            assert!(!localtime_r(&seconds, &mut tm).is_null());
            CStr::from_ptr(tm.abbreviation)
        };
        println!("{zone} {time} {} {}", tm.offset, abbreviation.to_string_lossy());
    }
}
