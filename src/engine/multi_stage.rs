//! The other Dockerfile: one that compiles inside docker, for teams that want that.
