//! Writes a temporary file, and reads it back.

use std::io::{Error, Read, Seek, Write};

use tempfile::NamedTempFile;

fn main() -> Result<(), Error> {
    let mut file = NamedTempFile::new()?;
    file.write_all(b"written and read back")?;
    file.rewind()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    println!("{text}");
    Ok(())
}
