# Written by cargo-scratch. It compiles inside docker, on the build machine's own platform, for linux/amd64 and linux/arm64.
# It names the members of the workspace and what the program needs of a usual system: when these change, write it again.
#
# Credentials for a registry of crates are a secret, not an argument, which would stay in the image's history:
#   --secret id=cargo-credentials,src=$HOME/.cargo/credentials.toml
# Old versions of podman (4.3) have to be told the build machine's platform:
#   --build-arg BUILDPLATFORM=linux/amd64

# Any image with cargo, a C linker and the usual tools: from a mirror, or pinned to a digest.
ARG RUST_IMAGE=rust:1-slim

# The files of a usual system that the program needs.
FROM --platform=$BUILDPLATFORM $RUST_IMAGE AS system
RUN set -eu; \
    umask 022; \
    install -d -- /system/etc; \
    printf '%s\n' root:x:0: nonroot:x:65532: > /system/etc/group; \
    printf '%s\n' root:x:0:0:root:/:/sbin/nologin nonroot:x:65532:65532:nonroot:/:/sbin/nologin > /system/etc/passwd

FROM --platform=$BUILDPLATFORM $RUST_IMAGE AS build
WORKDIR /src
ARG TARGETPLATFORM
RUN case "$TARGETPLATFORM" in \
        linux/amd64 | linux/amd64/*) triple=x86_64-unknown-linux-musl ;; \
        linux/arm64 | linux/arm64/*) triple=aarch64-unknown-linux-musl ;; \
        *) echo "this Dockerfile is for linux/amd64 and linux/arm64, and not for '$TARGETPLATFORM'" >&2; exit 1 ;; \
    esac; \
    echo "$triple" > /triple; \
    ls "$(rustc --print target-libdir --target "$triple")"/libstd-* > /dev/null 2>&1 || rustup target add "$triple"

# What decides on the dependencies, and nothing else.
COPY ["Cargo.lock","Cargo.toml","./"]

# The dependencies, compiled from stand-ins for the sources. /target is part of this layer and no cache mount, because
# layers are what `--cache-to` brings from one CI machine to another; what is in a mount stays where it is. Whatever became
# of the stand-ins themselves goes away again: cargo goes by the times of files, and would take it for the program.
RUN --mount=type=secret,id=cargo-credentials,target=/usr/local/cargo/credentials.toml \
    --mount=type=cache,target=/usr/local/cargo/git/db \
    --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    set -eu; \
    stand_in() { mkdir -p -- "$(dirname -- "$1")"; printf '%s\n' '//! Not yet there.' '#![allow(unused_crate_dependencies)]' "$2" > "$1"; }; \
    for file in \
        src/main.rs \
    ; do stand_in "$file" 'fn main() {}'; done; \
    cargo build --target "$(cat /triple)" \
        --target-dir /target \
        --profile release \
        --locked \
        --package app \
        --bin app \
        --config 'target.x86_64-unknown-linux-musl.linker="rust-lld"' \
        --config 'target.aarch64-unknown-linux-musl.linker="rust-lld"' \
        --config 'target.'\''cfg(all(target_arch="x86_64",target_os="linux",target_env="musl"))'\''.rustflags=["--remap-path-prefix=/src=/workspace", "--remap-path-prefix=/target=/workspace/target", "--remap-path-prefix=/usr/local/cargo/registry/src=/cargo/registry/src", "--remap-path-prefix=/usr/local/cargo/git/checkouts=/cargo/git/checkouts", "-Cstrip=symbols"]' \
        --config 'target.'\''cfg(all(target_arch="aarch64",target_os="linux",target_env="musl"))'\''.rustflags=["--remap-path-prefix=/src=/workspace", "--remap-path-prefix=/target=/workspace/target", "--remap-path-prefix=/usr/local/cargo/registry/src=/cargo/registry/src", "--remap-path-prefix=/usr/local/cargo/git/checkouts=/cargo/git/checkouts", "-Cstrip=symbols"]'; \
    cargo clean --target "$(cat /triple)" \
        --target-dir /target \
        --profile release \
        --locked \
        --package app; \
    find . -mindepth 1 -maxdepth 1 ! -name Cargo.lock -exec rm -rf -- {} +

# The program.
COPY . .
RUN --mount=type=secret,id=cargo-credentials,target=/usr/local/cargo/credentials.toml \
    --mount=type=cache,target=/usr/local/cargo/git/db \
    --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    set -eu; \
    cargo build --target "$(cat /triple)" \
        --target-dir /target \
        --profile release \
        --locked \
        --package app \
        --bin app \
        --config 'target.x86_64-unknown-linux-musl.linker="rust-lld"' \
        --config 'target.aarch64-unknown-linux-musl.linker="rust-lld"' \
        --config 'target.'\''cfg(all(target_arch="x86_64",target_os="linux",target_env="musl"))'\''.rustflags=["--remap-path-prefix=/src=/workspace", "--remap-path-prefix=/target=/workspace/target", "--remap-path-prefix=/usr/local/cargo/registry/src=/cargo/registry/src", "--remap-path-prefix=/usr/local/cargo/git/checkouts=/cargo/git/checkouts", "-Cstrip=symbols"]' \
        --config 'target.'\''cfg(all(target_arch="aarch64",target_os="linux",target_env="musl"))'\''.rustflags=["--remap-path-prefix=/src=/workspace", "--remap-path-prefix=/target=/workspace/target", "--remap-path-prefix=/usr/local/cargo/registry/src=/cargo/registry/src", "--remap-path-prefix=/usr/local/cargo/git/checkouts=/cargo/git/checkouts", "-Cstrip=symbols"]'; \
    install -D -m 0755 -- /target/"$(cat /triple)"/release/app /out/app; \
    if LC_ALL=C readelf -ld /out/app | grep -Eq 'INTERP|NEEDED'; then echo 'the program is dynamically linked, and would not start in a scratch image: see cargo scratch check' >&2; exit 1; fi

FROM scratch
COPY --from=system /system/ /
COPY --from=build ["/out/app","/app"]
ENV PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LABEL "org.opencontainers.image.title"="app"
WORKDIR /
USER 65532:65532
ENTRYPOINT ["/app"]
