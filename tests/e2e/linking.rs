//! What `--static-pie`, `--allocator` and arguments for a compiler that links make of a program, as binutils see it, and that
//! it runs, for each CPU.

use std::path::{Path, PathBuf};

use crate::support::engines::{DOCKER, PODMAN};
use crate::support::{BOTH, Cmd, Project, has, skip};

/// Everything that may go wrong where the address is not the one that the linker has seen: a constructor, tables of
/// functions, thread-locals, unwinding through frames with something to drop, backtraces, threads.
const MOVED: &str = r#"
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

static STARTED: AtomicU32 = AtomicU32::new(0);

#[used]
#[link_section = ".init_array"]
static AT_START: extern "C" fn() = at_start;

extern "C" fn at_start() {
    STARTED.fetch_add(1, Ordering::Relaxed);
}

static TABLE: [(&str, fn(u32) -> u32); 2] = [("twice", |n| n * 2), ("square", |n| n * n)];

thread_local! {
    static PLAIN: Cell<u32> = const { Cell::new(5) };
    static DROPPED: RefCell<Vec<u32>> = RefCell::new(vec![1]);
}

struct Note(u32);

impl Drop for Note {
    fn drop(&mut self) {
        DROPPED.with(|all| all.borrow_mut().push(self.0));
    }
}

#[inline(never)]
fn falls(depth: u32) -> u32 {
    let _note = Note(depth);
    if depth == 3 {
        panic!("at the bottom");
    }
    falls(depth + 1) + 1
}

#[inline(never)]
fn innermost() -> String {
    Backtrace::force_capture().to_string()
}

fn in_a_thread(number: u32) {
    PLAIN.with(|plain| plain.set(plain.get() + number));
    assert!(catch_unwind(AssertUnwindSafe(|| falls(0))).is_err());
    PLAIN.with(|plain| assert_eq!(plain.get(), 5 + number));
    DROPPED.with(|all| assert_eq!(*all.borrow(), [1, 3, 2, 1, 0]));
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    assert_eq!(STARTED.load(Ordering::Relaxed), 1);
    assert_eq!(TABLE.map(|(name, function)| (name, function(7))), [("twice", 14), ("square", 49)]);
    let threads: Vec<_> = (0..8).map(|number| std::thread::spawn(move || in_a_thread(number))).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let trace = innermost();
    assert!(trace.lines().count() > 5, "{trace}");
    println!("{}{}", if trace.contains("innermost") { "named " } else { "" }, main as fn() as usize);
}
"#;

/// Where what `cargo scratch check` made lies, with its symbols.
fn with_symbols(project: &Project, platform: &str, name: &str) -> PathBuf {
    let program = project.artifact(platform, name, name);
    PathBuf::from(format!("{}.debug", program.display()))
}

fn readelf(what: &str, file: &Path) -> String {
    Cmd::new("readelf").args(["--wide", what]).arg(file).env("LC_ALL", "C").read()
}

#[test]
fn a_static_pie_has_no_address_of_its_own_and_runs_at_any() {
    let Some(project) = Project::program("moved", MOVED) else { return };
    if has("readelf").is_none() || has("qemu-aarch64-static").is_none() {
        return;
    }
    let check = || project.scratch("check").args(["--static-pie", "--platform", BOTH]).run().succeeded();
    let checked = check();
    assert_eq!(checked.stdout.matches("static-pie, stripped").count(), 2, "{checked}");
    check().not_saying("Compiling");
    for platform in ["linux/amd64", "linux/arm64"] {
        let program = project.artifact(platform, "moved", "moved");
        let (header, segments) = (readelf("--file-header", &program), readelf("--segments", &program));
        let dynamic = readelf("--dynamic", &program);
        assert!(header.contains("DYN (Position-Independent Executable file)"), "{platform}: {header}");
        assert!(!segments.contains("INTERP") && segments.contains("GNU_RELRO"), "{platform}: {segments}");
        let stack = segments.lines().find(|line| line.contains("GNU_STACK")).unwrap();
        assert!(!stack.contains("RWE"), "{platform}: {segments}");
        for word in ["NEEDED", "TEXTREL"] {
            assert!(!dynamic.contains(word), "{platform}: {dynamic}");
        }
        assert!(dynamic.contains("NOW PIE"), "{platform}: {dynamic}");
        let bytes = fs_err::read(&program).unwrap();
        for word in ["self-contained", "rustlib/"] {
            assert!(memchr::memmem::find(&bytes, word.as_bytes()).is_none(), "{platform}: {word}");
        }
    }
    // The emulator gives a program another place in a smaller room.
    let arm = project.artifact("linux/arm64", "moved", "moved");
    let places: Vec<u64> = [&["-R", "0x100000000"][..], &["-R", "0x4000000000"], &[]]
        .iter()
        .map(|room| Cmd::new("qemu-aarch64-static").args(*room).arg(&arm).read().parse().unwrap())
        .collect();
    assert!(places[0] != places[1] && places[1] != places[2], "{places:?}");
    let named = Cmd::new("qemu-aarch64-static").arg(with_symbols(&project, "linux/arm64", "moved")).read();
    assert!(named.starts_with("named "), "{named}");
    for engine in [DOCKER, PODMAN] {
        let run = project.with(engine, "run").args(["--static-pie", "--platform=linux/arm64", "--tag", &project.id]);
        let place: u64 = run.run().succeeded().line().parse().unwrap();
        assert!(place > 1 << 32, "{place}");
    }
}

#[test]
fn without_being_asked_for_arm64_has_a_fixed_address() {
    let Some(project) = Project::program("fixed", MOVED) else { return };
    let checked = project.scratch("check").args(["--platform", "linux/arm64"]).run().succeeded();
    assert!(checked.stdout.contains("(linux/arm64, static, stripped"), "{checked}");
    // rustc makes a static-PIE for amd64, and a flag can undo it.
    let check = project.scratch("check").args(["--static-pie", "--platform", "linux/amd64"]);
    let check = check.env("RUSTFLAGS", "-Clink-arg=-no-pie").run().ended(3);
    check.saying("`fixed` for linux/amd64 is no static-PIE, and was to be one");
}

/// What musl's allocator is called inside, in a program that has it.
const OF_MUSL: [&str; 4] = ["alloc_slot", "__malloc_size_classes", "__malloc_context", "__libc_malloc_impl"];

/// All the ways to C's allocator, used from several threads while processes are forked off.
const ALLOCATES: &str = r#"
use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::ffi::c_void;
use std::hint::black_box;
use std::sync::mpsc;
use std::thread;

extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn free(place: *mut c_void);
    fn memalign(align: usize, size: usize) -> *mut c_void;
    fn aligned_alloc(align: usize, size: usize) -> *mut c_void;
    fn posix_memalign(place: *mut *mut c_void, align: usize, size: usize) -> i32;
    fn malloc_usable_size(place: *mut c_void) -> usize;
    fn strdup(text: *const i8) -> *mut i8;
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(code: i32) -> !;
}

unsafe fn every_way(size: usize, align: usize) {
    let layout = Layout::from_size_align(size, align).unwrap();
    let place = alloc(layout);
    assert_eq!(place as usize % align, 0);
    place.write_bytes(0xaa, size);
    let place = realloc(place, layout, size * 2);
    assert!(place as usize % align == 0 && *place.add(size - 1) == 0xaa);
    dealloc(place, Layout::from_size_align(size * 2, align).unwrap());
    let zeros = alloc_zeroed(layout);
    assert!((0..size).all(|at| *zeros.add(at) == 0));
    dealloc(zeros, layout);
    let align = align.max(8);
    let mut first = std::ptr::null_mut();
    assert_eq!(posix_memalign(&mut first, align, size), 0);
    for place in [first, memalign(align, size), aligned_alloc(align, size.next_multiple_of(align))] {
        assert!(place as usize % align == 0 && malloc_usable_size(place) >= size);
        free(place);
    }
}

fn churns() {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for size in 0..50_000 {
        all.push(vec![1; size % 700]);
        if all.len() > 300 {
            all.clear();
        }
    }
}

unsafe fn forks() {
    let pid = fork();
    if pid == 0 {
        let all: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
        _exit(if all.len() == 1000 { 7 } else { 1 });
    }
    let mut status = 0;
    assert_eq!(waitpid(pid, &mut status, 0), pid);
    assert_eq!(status, 7 << 8);
}

fn main() {
    unsafe {
        for align in [1, 16, 64, 4096, 1 << 16] {
            [1, 17, 4096, 100_000, 5 << 20].into_iter().for_each(|size| every_way(size, align));
        }
        assert!(black_box(malloc(usize::MAX / 2)).is_null());
        free(strdup(c"text".as_ptr().cast()).cast());
    }
    let threads: Vec<_> = (0..4).map(|_| thread::spawn(churns)).collect();
    // What one thread takes, another gives back.
    let (sender, receiver) = mpsc::channel::<Vec<u8>>();
    let other = thread::spawn(move || receiver.iter().map(|bytes| bytes.len()).sum::<usize>());
    (0..20_000).for_each(|size| sender.send(vec![1; size % 300]).unwrap());
    drop(sender);
    (0..20).for_each(|_| unsafe { forks() });
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    println!("{} {}", other.join().unwrap(), std::fs::read_dir("/").unwrap().count() > 0);
}
"#;

/// With the C compilers of whoever runs the tests: commands have none of their variables.
fn with_compilers(command: Cmd) -> Cmd {
    ["CC_x86_64_unknown_linux_musl", "CC_aarch64_unknown_linux_musl", "ZIG_GLOBAL_CACHE_DIR"].iter().fold(
        command,
        |command, name| match std::env::var_os(name) {
            Some(value) => command.env(name, value),
            None => command,
        },
    )
}

/// `cargo scratch check` with mimalloc for both platforms, where there is a compiler for them.
fn with_mimalloc(project: &Project) -> Option<String> {
    project.scratch("doctor").args(["--fix", "zig", "--yes"]).run();
    let check = with_compilers(project.scratch("check"));
    let done = check.args(["--allocator", "mimalloc", "--platform", BOTH]).run();
    if done.code == Some(101) && done.stderr.contains("cargo scratch doctor") {
        return skip("needs a C compiler for musl, such as zig");
    }
    // With one for glibc, it takes all memory there is on arm64.
    Some(done.succeeded().not_saying("glibc").stderr)
}

#[test]
fn mimalloc_takes_the_place_of_musls_allocator() {
    let Some(project) = Project::program("allocates", ALLOCATES) else { return };
    if has("nm").is_none() {
        return;
    }
    let names = |platform: &str| Cmd::new("nm").arg(with_symbols(&project, platform, "allocates")).read();
    let has_name = |names: &str, name: &str| names.lines().any(|line| line.ends_with(&format!(" {name}")));
    project.scratch("check").args(["--platform", BOTH]).run().succeeded();
    for platform in ["linux/amd64", "linux/arm64"] {
        let names = names(platform);
        assert!(!has_name(&names, "mi_malloc"), "{platform}");
        // Otherwise nothing would be shown by their absence.
        assert!(OF_MUSL.iter().all(|name| has_name(&names, name)), "{platform}: {names}");
    }
    let Some(first) = with_mimalloc(&project) else { return };
    assert!(first.matches("Compiling mimalloc v").count() == 2, "{first}");
    let second = with_mimalloc(&project).unwrap();
    assert!(!second.contains("Compiling"), "{second}");
    for platform in ["linux/amd64", "linux/arm64"] {
        let names = names(platform);
        assert!(has_name(&names, "mi_malloc"), "{platform}");
        for name in OF_MUSL {
            assert!(!has_name(&names, name), "{platform}: {name}");
        }
        let bytes = fs_err::read(project.artifact(platform, "allocates", "allocates")).unwrap();
        assert!(memchr::memmem::find(&bytes, b"libmimalloc-sys").is_none(), "{platform}: a path of this machine");
        for engine in [DOCKER, PODMAN] {
            let run =
                with_compilers(project.with(engine, "run")).args(["--allocator", "mimalloc", "--platform", platform]);
            let ran = run.args(["--tag", &project.id]).run().succeeded();
            assert_eq!(ran.stdout, "2980000 true\n", "{platform}, {engine:?}");
        }
    }
    // Both at once, on the CPU where both change something.
    let run = with_compilers(project.with(DOCKER, "run")).args([
        "--allocator=mimalloc",
        "--static-pie",
        "--platform=linux/arm64",
    ]);
    run.args(["--tag", &project.id]).run().succeeded();
}

#[test]
fn a_program_with_mimalloc_is_the_same_wherever_it_is_built() {
    let programs: Vec<_> = (0..2)
        .filter_map(|_| {
            let project = Project::program("same", ALLOCATES)?;
            with_mimalloc(&project)?;
            Some(["linux/amd64", "linux/arm64"].map(|of| fs_err::read(project.artifact(of, "same", "same")).unwrap()))
        })
        .collect();
    // None where it was skipped.
    assert!(programs.windows(2).all(|two| two[0] == two[1]));
}

#[test]
fn what_is_written_for_a_compiler_that_links_is_understood() {
    let called = "#[unsafe(no_mangle)] extern \"C\" fn real() -> u32 { 42 }\n\
                  unsafe extern \"C\" { safe fn alias() -> u32; }\nfn main() { println!(\"{}\", alias() + real()); }\n";
    let Some(project) = Project::program("told", called) else { return };
    let script = "fn main() {\n    println!(\"cargo::rustc-link-arg-bins=-Wl,--defsym=alias=real,--build-id=0x2a2a2a2a2a2a2a2a\");\n    \
                  println!(\"cargo::rustc-link-arg=-rdynamic\");\n}\n";
    project.write("build.rs", script);
    let flags = "-Clink-arg=-fuse-ld=lld -Clink-arg=-pthread -Clink-arg=-Xlinker -Clink-arg=--gc-sections";
    for platform in BOTH.split(',') {
        let run = project.with(DOCKER, "run").env("RUSTFLAGS", flags);
        let ran = run.args(["--platform", platform, "--tag", &project.id]).run().succeeded();
        assert_eq!(ran.stdout, "84\n", "{platform}");
        if has("readelf").is_some() {
            let notes = readelf("--notes", &project.artifact(platform, "told", "told"));
            assert!(notes.contains("Build ID: 2a2a2a2a2a2a2a2a"), "{platform}: {notes}");
        }
    }
}
