//! Whether what was seen of a program is good, and what to do about it if not.

use std::time::Duration;

use super::sockets::{Port, Socket};
use super::{End, Seen};

/// Whether an image works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does, in these words.
    Passed(String),
    /// It does not, in these.
    Failed(String),
}

/// Judges a program by what was seen of it within `limit`; `exposed` are the ports of its image.
pub fn judge(seen: &Seen, exposed: &[Port], limit: Duration) -> Verdict {
    let after = seconds(seen.after);
    match &seen.end {
        End::Exited(0) => Verdict::Passed(format!("ends with exit code 0 after {after}")),
        End::Exited(code) => Verdict::Failed(format!("{} after {after}", ended(*code))),
        End::Answers(socket) => Verdict::Passed(format!("answers on port {} after {after}", socket.port.number)),
        End::Runs(None) => {
            Verdict::Passed(format!("still runs after {}; its ports can't be seen from here", seconds(limit)))
        }
        End::Runs(Some(sockets)) => Verdict::Failed(format!("{} after {}", silent(sockets, exposed), seconds(limit))),
        End::Refused(why) => Verdict::Failed(format!("it could not be started: {why}")),
    }
}

fn ended(code: i32) -> String {
    // Those that a program does not ask for; the others it may have chosen as its exit code.
    let signal = match code - 128 {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        31 => "SIGSYS",
        _ => return format!("it ended with exit code {code}"),
    };
    format!("it was ended by {signal} (exit code {code})")
}

fn silent(sockets: &[Socket], exposed: &[Port]) -> String {
    let inside =
        sockets.iter().find(|socket| socket.is_loopback() && (exposed.is_empty() || exposed.contains(&socket.port)));
    let elsewhere = sockets.iter().find(|socket| !socket.is_loopback() && !exposed.contains(&socket.port));
    let wanted: Vec<String> = exposed.iter().map(ToString::to_string).collect();
    match (inside, elsewhere, wanted.as_slice()) {
        (Some(socket), _, _) => {
            format!(
                "it listens on {}:{} only, which nothing outside the container reaches,",
                socket.address, socket.port.number
            )
        }
        (None, Some(socket), [_, ..]) => {
            format!("it listens on port {}, and not on {}, which the image exposes,", socket.port, wanted.join(" or "))
        }
        (None, _, []) => "it runs and listens on no port".to_owned(),
        (None, None, _) => format!("it runs and does not listen on port {}", wanted.join(" or ")),
    }
}

/// The ways out, the most likely first.
pub fn helps(seen: &Seen) -> Vec<String> {
    let mut helps: Vec<String> = match &seen.end {
        End::Exited(132) => vec![
            "it may have been compiled for a newer CPU than this one: with --target-cpu, or with -Ctarget-cpu in rustflags"
                .to_owned(),
        ],
        End::Exited(137) => vec!["it may have used more memory than there is".to_owned()],
        End::Runs(Some(sockets)) if sockets.iter().any(Socket::is_loopback) => {
            vec!["listen on 0.0.0.0 or [::] instead".to_owned()]
        }
        End::Runs(_) => vec![
            "a program that is slow to start can have more time: --smoke-timeout 1m".to_owned(),
            "one that has no port to answer on needs arguments with which it ends: --smoke='--version'".to_owned(),
        ],
        _ => Vec::new(),
    };
    let said = seen.output.to_lowercase();
    let known = KNOWN.iter().filter(|(words, _)| words.iter().any(|word| said.contains(word)));
    helps.extend(known.map(|(_, help)| (*help).to_owned()));
    helps.push("to see it with a network and a writable file system: cargo scratch run -- ARGS".to_owned());
    helps
}

/// What programs print when something of a usual system is missing, in lower case, and what to do about it.
const KNOWN: [(&[&str], &str); 7] = [
    (
        &["unknownissuer", "certificate", "no ca bundle", "root store"],
        "if it wants the certificates of the public authorities: --ca-certificates always",
    ),
    (&["time zone", "timezone", "zoneinfo", "tzdata", "tzif"], "if it wants the time zone database: --zoneinfo always"),
    (
        &["read-only file system", "os error 30"],
        "only volumes and /tmp can be written to in the test: --volume PATH for what it keeps, --tmp always for the rest",
    ),
    (
        &["no such file or directory", "os error 2)", "not found"],
        "an image holds what is put into it and nothing else: --include SOURCE:TARGET for a file, --tmp always for /tmp; \
         cargo scratch explain says what is in it, and why",
    ),
    (
        &["permission denied", "os error 13)", "operation not permitted", "os error 1)"],
        "it runs as the image's user (--user) and without capabilities: ports below 1024, and what belongs to others, are not for it",
    ),
    (
        &[
            "dns error",
            "failed to lookup address",
            "name resolution",
            "network is unreachable",
            "os error 101)",
            "connection refused",
        ],
        "there is no network in the test: give arguments with which it needs none: --smoke='--version'",
    ),
    (
        &["unexpected argument", "usage:", "required arguments"],
        "if it needs arguments: --smoke='ARGS', or smoke = [\"ARG\", …] in [package.metadata.scratch]",
    ),
];

/// Tenths tell a slow start from a quick one.
fn seconds(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{} s", time.as_secs()) } else { format!("{:.1} s", time.as_secs_f64()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smoke::sockets::Protocol;

    fn seen(end: End, output: &str) -> Seen {
        Seen { end, after: Duration::from_millis(234), output: output.to_owned(), not_isolated: Vec::new() }
    }

    fn judged(end: End, exposed: &[&str]) -> Verdict {
        let exposed: Vec<String> = exposed.iter().map(|port| (*port).to_owned()).collect();
        judge(&seen(end, ""), &Port::all(&exposed), Duration::from_secs(10))
    }

    fn socket(address: [u8; 4], number: u16) -> Socket {
        Socket { address: address.into(), port: Port { number, protocol: Protocol::Tcp }, uid: 1, inode: 1 }
    }

    #[test]
    fn ending_well_and_answering_are_good() {
        let passed = |words: &str| Verdict::Passed(words.to_owned());
        assert_eq!(judged(End::Exited(0), &[]), passed("ends with exit code 0 after 0.2 s"));
        assert_eq!(judged(End::Answers(socket([0; 4], 80)), &[]), passed("answers on port 80 after 0.2 s"));
        assert_eq!(
            judged(End::Runs(None), &["80/tcp"]),
            passed("still runs after 10 s; its ports can't be seen from here")
        );
    }

    #[test]
    fn whatever_else_is_said_as_it_is() {
        let failed = |end, exposed: &[&str]| match judged(end, exposed) {
            Verdict::Failed(why) => why,
            passed => panic!("{passed:?}"),
        };
        assert_eq!(failed(End::Exited(3), &[]), "it ended with exit code 3 after 0.2 s");
        assert_eq!(failed(End::Exited(139), &[]), "it was ended by SIGSEGV (exit code 139) after 0.2 s");
        assert_eq!(failed(End::Refused("no".into()), &[]), "it could not be started: no");
        let runs = |sockets: &[Socket]| End::Runs(Some(sockets.to_vec()));
        assert_eq!(failed(runs(&[]), &[]), "it runs and listens on no port after 10 s");
        assert_eq!(
            failed(runs(&[]), &["80/tcp", "81/udp"]),
            "it runs and does not listen on port 80/tcp or 81/udp after 10 s"
        );
        assert_eq!(
            failed(runs(&[socket([127, 0, 0, 1], 80)]), &["80/tcp"]),
            "it listens on 127.0.0.1:80 only, which nothing outside the container reaches, after 10 s"
        );
        assert_eq!(
            failed(runs(&[socket([0; 4], 81)]), &["80/tcp"]),
            "it listens on port 81/tcp, and not on 80/tcp, which the image exposes, after 10 s"
        );
    }

    #[test]
    fn known_messages_have_a_way_out_of_their_own() {
        let first = |end, output: &str| helps(&seen(end, output)).remove(0);
        let said = |output| first(End::Exited(1), output);
        assert!(said("Error: invalid peer certificate: UnknownIssuer").contains("--ca-certificates always"));
        assert!(said("failed to find time zone 'Europe/Berlin'").contains("--zoneinfo always"));
        assert!(said("Os { code: 30, message: \"Read-only file system\" }").contains("--volume"));
        assert!(said("No such file or directory (os error 2)").contains("--tmp always"));
        assert!(said("bind: Permission denied (os error 13)").contains("below 1024"));
        assert!(said("error trying to connect: dns error").contains("no network"));
        assert!(said("nothing known").starts_with("to see it"));
        assert!(first(End::Exited(132), "").contains("--target-cpu"));
        assert!(first(End::Runs(Some(vec![socket([127, 0, 0, 1], 80)])), "").contains("0.0.0.0"));
        assert!(first(End::Runs(Some(Vec::new())), "").contains("--smoke-timeout"));
    }
}
