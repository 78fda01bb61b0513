//! Says what a moment is called in Berlin, by the system's zone data.

use jiff::{Error, Timestamp};

fn main() -> Result<(), Error> {
    let moment = Timestamp::from_second(1_720_000_000)?;
    println!("{}", moment.in_tz("Europe/Berlin")?);
    Ok(())
}
