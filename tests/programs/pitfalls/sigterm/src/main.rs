//! Waits until it is asked to stop.
//!
//! The kernel gives the first process of a container no default for signals: SIGTERM ends it only if it asks for it.

use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

fn main() -> std::io::Result<()> {
    let mut signals = Signals::new([SIGTERM])?;
    println!("waiting as process {}", std::process::id());
    signals.forever().next();
    println!("stopped by SIGTERM");
    Ok(())
}
