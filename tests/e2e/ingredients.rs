//! The files of a usual system, as other people's programs read them.

use std::path::{Path, PathBuf};

use camino::Utf8PathBuf;
use cargo_scratch::image::{Content, Entry, ca_certs, tree, tzdata};
use cargo_scratch::oci::layer;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::support::{Cmd, Engines, Project, Runner, has, skip};

/// Zones at times, with the offset from UTC and the abbreviation: of long ago, of a year whose times are in the file one by
/// one, and of later than 2037, when only the rule at its end says them.
const KNOWN: &str = "\
Europe/Berlin -800000000 7200 CEST
Europe/Berlin 1700000000 3600 CET
Europe/Berlin 4090000000 7200 CEST
America/New_York -800000000 -14400 EWT
America/New_York 1300000000 -14400 EDT
America/New_York 4090000000 -14400 EDT
Asia/Kolkata -800000000 23400 +0630
Asia/Kolkata 1700000000 19800 IST
Asia/Kolkata 2500000000 19800 IST
Australia/Lord_Howe 100000000 36000 AEST
Australia/Lord_Howe 1700000000 39600 +11
Australia/Lord_Howe 4090000000 37800 +1030
Pacific/Apia -800000000 -41400 -1130
Pacific/Apia 1300000000 -36000 -10
Pacific/Apia 2500000000 46800 +13
";

/// Writes the bundle to a file.
fn write_bundle(folder: &Path, mozilla: bool, own: &[&Path]) -> PathBuf {
    let own: Vec<Utf8PathBuf> = own.iter().map(|path| path.to_path_buf().try_into().unwrap()).collect();
    let Content::Bytes(bytes) = ca_certs::entry(mozilla, &own).unwrap().content else { panic!("no bytes") };
    let path = folder.join(if own.is_empty() { "mozilla.crt" } else { "both.crt" });
    fs_err::write(&path, bytes).unwrap();
    path
}

/// `openssl` in a folder, where it succeeds.
#[track_caller]
fn openssl(folder: &Path, args: &str) -> String {
    Cmd::new("openssl").args(args.split(' ')).dir(folder).run().succeeded().stdout
}

#[test]
fn openssl_reads_the_bundle_and_trusts_whom_it_names() {
    if has("openssl").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(root, &format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=Corp -days 2"));
    openssl(root, &format!("req -new {key} -keyout leaf.key -out leaf.csr -subj /CN=leaf"));
    openssl(root, "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 2 -days 2 -out leaf.pem");

    let mozilla = webpki_root_certs::TLS_SERVER_ROOT_CERTS.len();
    for (own, count) in [(&[][..], mozilla), (&[root.join("ca.pem").as_path()], mozilla + 1)] {
        let bundle = write_bundle(root, true, own);
        let name = bundle.file_name().unwrap().to_str().unwrap();
        openssl(root, &format!("crl2pkcs7 -nocrl -certfile {name} -out bundle.p7"));
        let printed = openssl(root, "pkcs7 -in bundle.p7 -print_certs -noout");
        assert_eq!(printed.lines().filter(|line| line.starts_with("subject=")).count(), count);

        let verify = Cmd::new("openssl").args(["verify", "-no-CApath", "-no-CAstore", "-CAfile", name, "leaf.pem"]);
        let verified = verify.dir(root).run();
        assert_eq!(verified.code == Some(0), !own.is_empty(), "{verified}");
    }
}

#[test]
fn curl_and_rustls_trust_a_server_whose_ca_is_in_the_bundle() {
    let Some(engines) = Engines::find() else { return };
    if has("curl").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let url = format!("https://{}/v2/", engines.registry_tls);
    let curl = |bundle: &Path| {
        let curl = Cmd::new("curl").args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--cacert"]);
        curl.arg(bundle).arg(&url).run()
    };
    let rustls = |bundle: &Path| {
        // What it does with `SSL_CERT_FILE`.
        let found = rustls_native_certs::load_certs_from_paths(Some(bundle), None);
        assert!(found.errors.is_empty(), "{:?}", found.errors);
        let roots: Vec<_> = found.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build();
        let agent = ureq::Agent::config_builder().tls_config(tls).proxy(None).build().new_agent();
        (roots.len(), agent.get(&url).call())
    };

    let mozilla = webpki_root_certs::TLS_SERVER_ROOT_CERTS.len();
    let both = write_bundle(folder.path(), true, &[&engines.registry_ca]);
    curl(&both).succeeded();
    let (count, answer) = rustls(&both);
    assert_eq!((count, answer.unwrap().status().as_u16()), (mozilla + 1, 200));

    // It is for that certificate that they do.
    let without = write_bundle(folder.path(), true, &[]);
    curl(&without).ended(60);
    let (count, answer) = rustls(&without);
    assert_eq!(count, mozilla);
    assert!(matches!(answer, Err(ureq::Error::Rustls(_) | ureq::Error::Io(_))), "{answer:?}");
}

/// Compiles `tests/programs/zones` against glibc and musl, statically both.
fn zone_programs(folder: &Path) -> Option<[PathBuf; 2]> {
    if !Path::new(&format!("/usr/lib/{}-linux-gnu/libc.a", std::env::consts::ARCH)).exists() {
        return skip("needs libc6-dev");
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/zones/main.rs");
    Some(["gnu", "musl"].map(|libc| {
        let (target, program) = (format!("{}-unknown-linux-{libc}", std::env::consts::ARCH), folder.join(libc));
        let rustc = Cmd::new("rustc").args(["--edition=2024", "-Ctarget-feature=+crt-static", "--target", &target]);
        rustc.arg("-o").arg(&program).arg(&source).run().succeeded();
        program
    }))
}

/// The arguments of such a program for all known zones and times.
fn questions() -> impl Iterator<Item = &'static str> {
    KNOWN.lines().flat_map(|line| line.split(' ').take(2))
}

/// Writes these entries and the folders that they are in as a layer.
fn write_layer(path: &Path, entries: Vec<Entry>) {
    let layers = tree::layers(vec![("all", entries)], |_| None).unwrap();
    layer::write_layer(&layers[0].entries, 0, fs_err::File::create(path).unwrap()).unwrap();
}

#[test]
fn glibc_and_musl_read_the_zones() {
    let folder = tempfile::tempdir().unwrap();
    let Some(programs) = zone_programs(folder.path()) else { return };
    let mut zones: Vec<String> = KNOWN.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    zones.dedup();
    for (name, zones) in [("all", &[][..]), ("named", &zones)] {
        let (layer, root) = (folder.path().join(format!("{name}.tar.gz")), folder.path().join(name));
        write_layer(&layer, tzdata::entries(zones).unwrap());
        fs_err::create_dir(&root).unwrap();
        let tar = Cmd::new("tar").args(["--extract", "--gzip", "--no-same-owner", "--file"]);
        tar.arg(&layer).arg("--directory").arg(&root).run().succeeded();
        let prefix = format!("{}{}/", root.display(), tzdata::FOLDER);
        for program in &programs {
            assert_eq!(Cmd::new(program).arg(&prefix).args(questions()).run().succeeded().stdout, KNOWN, "{program:?}");
        }
    }
}

#[test]
fn glibc_and_musl_find_the_zones_by_name_in_an_image() {
    let Some(project) = Project::new(&[]) else { return };
    let Some(programs) = zone_programs(&project.beside("")) else { return };
    let file = |program: &PathBuf| {
        let source = Utf8PathBuf::try_from(program.clone()).unwrap();
        Entry::file(format!("/{}", source.file_name().unwrap()), source, 0o755)
    };
    let bare: Vec<Entry> = programs.iter().map(file).collect();
    let whole: Vec<Entry> = bare.iter().cloned().chain(tzdata::entries(&[]).unwrap()).collect();
    for (name, entries, finds) in [("bare", bare, false), ("whole", whole, true)] {
        let (layer, image) = (project.beside(&format!("{name}.tar.gz")), format!("{}:{name}", project.id));
        write_layer(&layer, entries);
        project.runner(Runner::Containerd).arg("import").arg(&layer).arg(&image).run().succeeded();
        for program in ["/gnu", "/musl"] {
            let run = project.runner(Runner::Containerd).args(["run", "--rm", "--network=none", "--read-only", &image]);
            let answer = run.args([program, ""]).args(questions()).run().succeeded();
            assert_eq!(answer.stdout == KNOWN, finds, "{answer}");
        }
    }
}
