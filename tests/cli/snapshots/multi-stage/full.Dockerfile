# Written by cargo-scratch. It compiles inside docker, on the build machine's own platform, for linux/amd64 and linux/arm64.
# It names the members of the workspace and what the program needs of a usual system: when these change, write it again.
#
# Credentials for a registry of crates are a secret, not an argument, which would stay in the image's history:
#   --secret id=cargo-credentials,src=$HOME/.cargo/credentials.toml
# Old versions of podman (4.3) have to be told the build machine's platform:
#   --build-arg BUILDPLATFORM=linux/amd64

# Any image with cargo, a C linker and the usual tools: from a mirror, or pinned to a digest.
ARG RUST_IMAGE=rust:1-slim

# The files of a usual system that the program needs. Mozilla's certificates and the time zones are those of the image that compiles.
FROM --platform=$BUILDPLATFORM $RUST_IMAGE AS system
RUN set -eu; \
    umask 022; \
    get() { \
        command -v apt-get > /dev/null || { echo "the image that compiles has no $1, nor apt-get to install it with" >&2; exit 1; }; \
        apt-get update; apt-get install -y --no-install-recommends "$1"; rm -rf /var/lib/apt/lists/*; \
    }; \
    install -d -m 0755 -o 1000 -g 1000 -- /system/data; \
    install -d -- /system/etc; \
    printf '%s\n' root:x:0: app:x:1000: > /system/etc/group; \
    printf '%s\n' 'hosts: files dns' > /system/etc/nsswitch.conf; \
    printf '%s\n' root:x:0:0:root:/:/sbin/nologin app:x:1000:1000:app:/home/app:/sbin/nologin > /system/etc/passwd; \
    install -d -m 0700 -o 1000 -g 1000 -- /system/home/app; \
    install -d -- /system/srv; \
    install -d -m 1777 -o 0 -g 0 -- /system/tmp; \
    install -d -- /system/etc/ssl/certs; \
    if ! [ -s /etc/ssl/certs/ca-certificates.crt ]; then get ca-certificates; fi; \
    cat /etc/ssl/certs/ca-certificates.crt > /system/etc/ssl/certs/ca-certificates.crt; \
    for zone in Europe/Berlin UTC; do for package in tzdata tzdata-legacy; do if ! [ -f "/usr/share/zoneinfo/$zone" ]; then get "$package"; fi; done; done; \
    for zone in Europe/Berlin UTC; do install -D -m 0644 -- "/usr/share/zoneinfo/$zone" "/system/usr/share/zoneinfo/$zone"; done

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
COPY ["tempfile","tempfile/"]

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

# The files that are included, by the rules of cargo scratch build.
RUN set -eu; \
    umask 022; \
    export LC_ALL=C; \
    refuse() { echo "can't include $*" >&2; exit 1; }; \
    within() { \
        case "$(readlink -f -- "$1")" in \
            /src | /src/*) ;; \
            *) refuse "$1, which leads out of the workspace" ;; \
        esac; \
    }; \
    absent() { if [ -e "$1" ] || [ -L "$1" ]; then refuse "two files at ${1#/files}"; fi; }; \
    mode_of() { if [ -n "$(find -L "$1" -prune -type f -perm -100)" ]; then echo 0755; else echo 0644; fi; }; \
    take() { \
        included=$1; within "$1"; cd -- "$1"; above=$(pwd -P); \
        while [ "$above" != / ]; do \
            above=$(dirname -- "$above"); \
            if [ -e "$above/.scratchignore" ]; then refuse "$1: only cargo scratch build reads $above/.scratchignore"; fi; \
        done; \
        rm -rf /included; mkdir /included; cp -R -P -- . /included; cd /included; \
    }; \
    without() { \
        find . -mindepth 1 \( -name .git "$@" \) -prune -exec rm -rf -- {} +; \
        find . -mindepth 2 -type f -name CACHEDIR.TAG -exec sh -euc 'for tag; do \
            if ! [ -f "$tag" ]; then continue; fi; line=; IFS= read -r line < "$tag" || :; \
            case $line in "Signature: 8a477f597d28d172789f06886806bc55"*) rm -rf -- "${tag%/*}" ;; esac; \
            done' sh {} +; \
        odd=$(find . -name .scratchignore); \
        if [ -n "$odd" ]; then refuse "$included: only cargo scratch build reads $odd"; fi; \
    }; \
    fits() { \
        odd=$(find . \( ! -type f ! -type d ! -type l -o -name '.wh.*' -o -name '*[[:cntrl:]]*' \)); \
        if [ -n "$odd" ]; then refuse "$included: no image holds $odd"; fi; \
        odd=$(find . -type l -exec sh -c 'for link; do \
            case $(readlink "$link") in /*) echo "$link"; continue ;; esac; \
            case $(readlink -f "$link") in /included | /included/*) if [ -e "$link" ]; then continue; fi ;; esac; \
            echo "$link"; done' sh {} +); \
        if [ -n "$odd" ]; then refuse "$included: a link leads to nothing in it: $odd"; fi; \
        odd=$(find . ! -type d -exec sh -c 'for file; do \
            if [ -e "$0/$file" ] || [ -L "$0/$file" ]; then echo "$file"; fi; done' "$1" {} +); \
        if [ -n "$odd" ]; then refuse "$included: two files at $odd in ${1#/files}"; fi; \
    }; \
    put() { \
        fits "$1"; chown -hR "$2" .; \
        if [ "$3" = auto ]; then \
            find . -type f ! -perm -100 -exec chmod 0644 {} +; find . -type f -perm -100 -exec chmod 0755 {} +; \
        else find . -type f -exec chmod "$3" {} +; fi; \
        find . -type d -exec chmod "$4" {} +; \
        mkdir -p -- "$1"; cp -a . "$1"; cd /src; rm -rf /included; \
    }; \
    only() { \
        find . ! -type d ! \( "$@" \) -exec rm -f -- {} +; \
        find . -mindepth 1 -depth -type d -empty ! \( "$@" \) -exec rmdir -- {} \; ; \
        if [ -z "$(find . -mindepth 1)" ]; then refuse "$included: nothing in it matches"; fi; \
    }; \
    mkdir /files; \
    take ./static; \
    without -o -regex '\.\(/.*\)*/[^/]*\.map' -o -type d -regex '\.\(/.*\)*/drafts'; \
    put /files/srv/static 0:0 auto 0755; \
    within ./config/.env; \
    absent /files/etc/app/.env; \
    install -D -m "$(mode_of ./config/.env)" -o 0 -g 0 -- ./config/.env /files/etc/app/.env; \
    take ./.github; \
    without; \
    put /files/github 0:0 auto 0755; \
    take ./static; \
    without; \
    only -regex '\.\(/.*\)*/[^/]*\.html' -o -regex '\.\(/.*\)*/[^/]*\.html/.*'; \
    put /files/tmp/pages 7:7 0640 0750; \
    if [ -d /files/data ]; then install -d -m 0755 -o 1000 -g 1000 -- /files/data; fi; \
    if [ -d /files/home/app ]; then install -d -m 0700 -o 1000 -g 1000 -- /files/home/app; fi; \
    if [ -d /files/tmp ]; then install -d -m 1777 -o 0 -g 0 -- /files/tmp; fi

FROM scratch
COPY --from=system /system/ /
COPY --from=build /files/ /
COPY --from=build ["/out/app","/app"]
ENV PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LABEL "org.opencontainers.image.title"="app"
VOLUME ["/data"]
WORKDIR /srv
USER 1000:1000
ENTRYPOINT ["/app"]
