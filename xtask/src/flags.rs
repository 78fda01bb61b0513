//! The command line; parsing never acts.

use std::ffi::OsString;

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
        /// Runs every check that a change has to pass.
        cmd ci {}
    }
}
