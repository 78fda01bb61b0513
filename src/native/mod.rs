//! WITH WHAT the C and C++ code of dependencies is compiled.
//!
//! 1. [`machine`]: which compilers there are.
//! 2. [`resolver`]: the table that takes one of them for a platform, the user's own first.
//! 3. [`equipment`]: what is used for a whole build, and what is missing; [`preflight`] says so, with [`install`] for the words
//!    of the machine's system.
//! 4. [`provision`]: gets what the user's cache folder can have.
//! 5. [`host`]: links what runs on this machine where nothing else does.
//! 6. [`outfit`]: brings it to where cargo and build scripts look: [`variables`], and [`cmake`] in its own words.
//! 7. [`wrapper`]: this program under the name of a compiler, which build scripts can call like any other; [`zig`] and
//!    [`cxx`] are what it knows of zig and of C++, [`driver`] what it knows of compilers that link.

pub mod cmake;
pub mod cxx;
pub mod driver;
pub mod equipment;
pub mod host;
pub mod install;
pub mod machine;
pub mod outfit;
pub mod preflight;
pub mod provision;
pub mod resolver;
pub mod variables;
pub mod wrapper;
pub mod zig;
