//! WITH WHAT the C and C++ code of dependencies is compiled.
//!
//! 1. [`machine`]: which compilers there are.
//! 2. [`resolver`]: the table that takes one of them for a platform, the user's own first.
//! 3. [`equipment`]: what is used for a whole build, and what is missing; [`preflight`] says so, with [`install`] for the words
//!    of the machine's system.
//! 4. [`provision`]: gets what the user's cache folder can have.
//! 5. [`host`]: links what runs on this machine where nothing else does.
//! 6. [`outfit`]: brings it to where cargo and build scripts look: [`variables`], and [`cmake`] in its own words.
//! 7. [`wrapper`]: this program under the name of a compiler, which build scripts can call like any other; [`zig`] is what it
//!    knows of zig, [`driver`] of compilers that link, [`library`] makes what zig's code is linked with, and [`stripper`] strips.

pub mod cmake;
pub mod driver;
pub mod equipment;
pub mod host;
pub mod install;
pub mod library;
pub mod machine;
pub mod outfit;
pub mod preflight;
pub mod provision;
pub mod resolver;
pub mod stripper;
pub mod variables;
pub mod wrapper;
pub mod zig;
