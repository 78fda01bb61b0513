//! The command line; parsing never acts.

use std::ffi::OsString;
use std::path::PathBuf;

xflags::xflags! {
    /// The project's own tooling.
    cmd xtask {
        /// Real docker daemons, podman and registries for the tests.
        cmd engines {
            /// Installs what is missing, starts what is not running, writes target/engines/env.json.
            cmd start {}
            /// Ends everything that start began; images and packages stay.
            cmd stop {}
            /// Says what is running.
            cmd status {}
        }
        /// Runs the tests, with the engines where they can be had.
        cmd test {
            /// Leaves the engines alone; the tests that need one skip themselves.
            optional --no-engines
            /// Handed to the test runner; those that begin with a dash go after `--`.
            repeated args: OsString
        }
        /// Compares what images cost with what their parts cost by hand, side by side.
        cmd bench {
            /// How often each one runs, 15 times if not said; for memory and peers a third of it.
            optional --runs runs: usize
            /// Writes all that was measured to this file.
            optional --json file: PathBuf
            /// Some of noop, first, docker, sizes, memory and peers instead of all.
            repeated cases: String
        }
        /// Builds published applications as they are, for both platforms, and starts them.
        cmd applications {
            /// Without any compiler for C, before and after `doctor --fix`; of all of them, writes docs/applications.md.
            optional --stripped
            /// Goes on where an earlier run was broken off.
            optional --resume
            /// Only a few that are quick.
            optional --sample
            /// Some of them instead of all.
            repeated names: String
        }
        /// Runs every check that a change has to pass.
        cmd ci {}
    }
}
