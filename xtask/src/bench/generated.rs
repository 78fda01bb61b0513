//! Programs of a size that was asked for, which compress as real ones do.

use std::path::Path;

const MAIN: &str = r#"static DATA: &[u8] = include_bytes!("../data");

// What is read depends on the command line, so that no part of the data can be left out.
fn main() {
    let at = std::env::args().count() * 7919;
    println!("{}", DATA[at % DATA.len()]);
}
"#;

/// Writes a package whose program has `size` bytes of data in it.
pub fn write(folder: &Path, name: &str, size: usize) -> anyhow::Result<()> {
    let manifest = format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[workspace]\n");
    fs_err::create_dir_all(folder.join("src"))?;
    write_once(&folder.join("Cargo.toml"), manifest.as_bytes())?;
    write_once(&folder.join("src/main.rs"), MAIN.as_bytes())?;
    write_once(&folder.join("data"), &data(size))
}

const ALLOCATING: &str = r#"use std::collections::BTreeMap;
use std::thread;

/// Takes pieces of 16 to 515 bytes, and gives back one of the thousand that it has for each.
fn churn(times: u64) -> usize {
    let mut slots = vec![Vec::new(); 1000];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..times {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let mut piece = Vec::with_capacity(16 + (state >> 20) as usize % 500);
        piece.push(state as u8);
        slots[(state % 1000) as usize] = piece;
    }
    slots.iter().map(Vec::len).sum()
}

/// Takes lines apart, changes the parts, and keeps some of them in a map.
fn strings(times: u64) -> usize {
    let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for number in 0..times {
        let line = format!("key{}={number};value {} of {times}", number % 500, number * 7);
        let Some((key, value)) = line.split_once('=') else { continue };
        let parts = map.entry(key.to_owned()).or_default();
        if parts.len() > 20 {
            parts.clear();
        }
        parts.extend(value.split(';').map(|part| part.to_uppercase().replace("VALUE", "v")));
    }
    map.values().flatten().map(String::len).sum()
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let work = if args[1] == "churn" { churn } else { strings };
    let times = args[3].parse().unwrap();
    let threads: Vec<_> = (0..args[2].parse().unwrap()).map(|_| thread::spawn(move || work(times))).collect();
    println!("{}", threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>());
}
"#;

/// Writes a package whose program does nothing but allocate.
pub fn write_allocating(folder: &Path) -> anyhow::Result<()> {
    let manifest = "[package]\nname = \"allocates\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[workspace]\n";
    fs_err::create_dir_all(folder.join("src"))?;
    write_once(&folder.join("Cargo.toml"), manifest.as_bytes())?;
    write_once(&folder.join("src/main.rs"), ALLOCATING.as_bytes())
}

/// Leaves a file with the same content as it is: cargo compiles again for a new time.
fn write_once(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    if fs_err::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    Ok(fs_err::write(path, content)?)
}

/// Always the same bytes, made the way a compressor sees machine code: a few new bytes, of which some are more frequent
/// than others, then a few that stood there before, more often nearby than far away.
///
/// gzip leaves 44 % of them, in 14 ms a MiB where libdeflate takes 11; of cargo's own program 37 %, in 14 and 11 ms. Plain
/// noise and words would compress at another speed, and the two compressors at another ratio.
fn data(size: usize) -> Vec<u8> {
    let mut random = xorshift();
    let mut data: Vec<u8> = Vec::with_capacity(size + 32);
    while data.len() < size {
        for _ in 0..=random() % 6 {
            let [a, b, c, d, ..] = random().to_le_bytes();
            data.push(a.min(b).min(c).min(d));
        }
        // Distances of gzip's whole window, each magnitude as often as the others.
        let magnitude = 16 << (random() % 11);
        let distance = (magnitude + random() % magnitude) as usize;
        let length = 3 + random() % 16;
        if let Some(from) = data.len().checked_sub(distance) {
            (from..).take(length as usize).for_each(|at| data.push(data[at]));
        }
    }
    data.truncate(size);
    data
}

/// Marsaglia's generator of 2003: the same numbers on every machine and with every compiler.
fn xorshift() -> impl FnMut() -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_as_long_as_asked_for_and_always_the_same() {
        assert_eq!(data(10_000).len(), 10_000);
        assert_eq!(data(10_000), data(20_000)[..10_000]);
    }
}
