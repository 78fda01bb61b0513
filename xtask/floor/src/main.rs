//! The least that packaging and pushing can cost: tar, gzip, hash, send what the registry lacks, and nothing else. No
//! workspace is read and nothing is checked, remembered, retried or shown, and everything is kept in memory.
//!
//! `xtask-floor HOST:PORT/REPOSITORY:TAG PLATFORM=BINARY…`, for a registry that speaks plain HTTP.

mod image;
mod registry;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use image::{Document, PlatformImage};
use registry::Registry;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "it has no other way to say anything")]
fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(digest) => {
            println!("{digest}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Packages the binaries, pushes them, and returns the digest of the index.
fn run(args: &[String]) -> anyhow::Result<String> {
    let (name, binaries) = args.split_first().context("an image's name and PLATFORM=BINARY are needed")?;
    let (registry, tag) = Registry::parse(name)?;
    let platforms = side_by_side(binaries, |binary| {
        let (platform, path) = binary.split_once('=').context("a binary is PLATFORM=BINARY")?;
        image::package(platform, Path::new(path))
    })?;
    let index = image::index(&platforms);
    if !registry.has_manifest(tag, &index.digest)? {
        push(&registry, tag, &platforms, &index)?;
    }
    Ok(index.digest)
}

fn push(registry: &Registry, tag: &str, platforms: &[PlatformImage], index: &Document) -> anyhow::Result<()> {
    side_by_side(platforms, |platform| {
        registry.ensure_blob(&platform.layer)?;
        registry.ensure_blob(&platform.config)?;
        registry.put_manifest(&platform.manifest.digest, &platform.manifest)
    })?;
    registry.put_manifest(tag, index)
}

/// Does the same for each, every one in a thread of its own.
fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> anyhow::Result<R> + Sync,
) -> anyhow::Result<Vec<R>> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = items.iter().map(|item| scope.spawn(move || work(item))).collect();
        let joined =
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.collect()
    })
}
