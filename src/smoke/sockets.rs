//! The sockets that a process has open to the world, as the kernel lists them in `/proc/<pid>/net`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A transport protocol that the kernel lists the sockets of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
}

/// A port that an image exposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its number.
    pub number: u16,
    /// Its protocol.
    pub protocol: Protocol,
}

impl Port {
    /// The ports of an image's configuration (`8080/tcp`); those of SCTP, which the kernel lists elsewhere, are left out.
    pub fn all(expose: &[String]) -> Vec<Port> {
        let port = |text: &String| {
            let (number, protocol) = text.split_once('/')?;
            let protocol = match protocol {
                "tcp" => Protocol::Tcp,
                "udp" => Protocol::Udp,
                _ => return None,
            };
            Some(Port { number: number.parse().ok()?, protocol })
        };
        expose.iter().filter_map(port).collect()
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        write!(f, "{}/{protocol}", self.number)
    }
}

/// A socket that takes what comes: one of TCP that listens, one of UDP that is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The address that it is bound to.
    pub address: IpAddr,
    /// Its port.
    pub port: Port,
    /// The user whose it is.
    pub uid: u32,
    /// Its number among all sockets.
    pub inode: u64,
}

impl Socket {
    /// Whether an image that exposes these ports can be said to answer: on one of them, or on any of TCP where it exposes
    /// none, and not on an address that only its own container reaches.
    pub fn serves(&self, exposed: &[Port]) -> bool {
        let wanted = match exposed {
            [] => self.port.protocol == Protocol::Tcp,
            exposed => exposed.contains(&self.port),
        };
        wanted && !self.is_loopback()
    }

    /// Whether only its own container reaches it.
    pub fn is_loopback(&self) -> bool {
        self.address.to_canonical().is_loopback()
    }
}

/// The socket among `sockets` that answers for an image that exposes these ports.
pub fn serving(sockets: &[Socket], exposed: &[Port]) -> Option<Socket> {
    sockets.iter().find(|socket| socket.serves(exposed)).copied()
}

/// The sockets in the network of a process; `None` if there is no such process, or we may not look.
pub fn in_network_of(pid: u32) -> Option<Vec<Socket>> {
    let tables = [("tcp", Protocol::Tcp), ("tcp6", Protocol::Tcp), ("udp", Protocol::Udp), ("udp6", Protocol::Udp)];
    let mut sockets = Vec::new();
    for (table, protocol) in tables {
        match fs_err::read_to_string(format!("/proc/{pid}/net/{table}")) {
            Ok(text) => sockets.extend(parse(&text, protocol)),
            // A kernel without IPv6 has no such table.
            Err(_) if table.ends_with('6') => {}
            Err(_) => return None,
        }
    }
    Some(sockets)
}

/// Reads a table (proc_pid_net(5)): `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`
fn parse(table: &str, protocol: Protocol) -> Vec<Socket> {
    let open = match protocol {
        // TCP_LISTEN, and TCP_CLOSE, which is what an unconnected one of UDP has.
        Protocol::Tcp => "0A",
        Protocol::Udp => "07",
    };
    let socket = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, _, state, _, _, _, uid, _, inode, ..] = fields.as_slice() else { return None };
        let (address, number) = local.split_once(':')?;
        let port = Port { number: u16::from_str_radix(number, 16).ok()?, protocol };
        let (uid, inode) = (uid.parse().ok()?, inode.parse().ok()?);
        let socket = Socket { address: parse_address(address)?, port, uid, inode };
        (*state == open).then_some(socket)
    };
    table.lines().skip(1).filter_map(socket).collect()
}

/// The kernel prints the address in words of this machine's byte order.
fn parse_address(hex: &str) -> Option<IpAddr> {
    let words = hex.as_bytes().chunks(8).map(|word| u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok());
    let bytes: Vec<u8> = words.collect::<Option<Vec<u32>>>()?.into_iter().flat_map(u32::to_ne_bytes).collect();
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(|bytes| Ipv4Addr::from(bytes).into()),
        16 => <[u8; 16]>::try_from(bytes).ok().map(|bytes| Ipv6Addr::from(bytes).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    #[cfg(target_endian = "little")]
    #[test]
    fn listening_sockets_are_read_and_connections_are_not() {
        let table = format!(
            "{HEADER}   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65532        0 4711 1 0\n   \
             1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000 65532        0 4712 1 0\n"
        );
        let port = Port { number: 8080, protocol: Protocol::Tcp };
        let address = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(parse(&table, Protocol::Tcp), [Socket { address, port, uid: 65532, inode: 4711 }]);
        let table = format!(
            "{HEADER}   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 1 1\n   \
             1: 0000000000000000FFFF00000100007F:0051 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 2 1\n"
        );
        let found = parse(&table, Protocol::Tcp);
        assert_eq!(found.iter().map(Socket::is_loopback).collect::<Vec<_>>(), [false, true]);
        assert_eq!(found[0].port.number, 80);
    }

    #[test]
    fn what_only_the_container_reaches_does_not_serve() {
        let socket = |address: [u8; 4], number, protocol| Socket {
            address: address.into(),
            port: Port { number, protocol },
            uid: 1,
            inode: 1,
        };
        let exposed = Port::all(&["8080/tcp".into(), "53/udp".into(), "9/sctp".into()]);
        assert_eq!(exposed.len(), 2);
        assert!(socket([0, 0, 0, 0], 8080, Protocol::Tcp).serves(&exposed));
        assert!(socket([0, 0, 0, 0], 53, Protocol::Udp).serves(&exposed));
        assert!(!socket([0, 0, 0, 0], 8080, Protocol::Udp).serves(&exposed));
        assert!(!socket([0, 0, 0, 0], 8081, Protocol::Tcp).serves(&exposed));
        assert!(!socket([127, 0, 0, 1], 8080, Protocol::Tcp).serves(&exposed));
        assert!(socket([0, 0, 0, 0], 8081, Protocol::Tcp).serves(&[]));
        assert!(!socket([0, 0, 0, 0], 8081, Protocol::Udp).serves(&[]), "any program may have such a socket");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn our_own_listener_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let number = listener.local_addr().unwrap().port();
        let sockets = in_network_of(std::process::id()).unwrap();
        let ours = sockets.iter().find(|socket| socket.port == Port { number, protocol: Protocol::Tcp }).unwrap();
        assert!(ours.is_loopback());
        assert_eq!(ours.uid, nix::unistd::geteuid().as_raw());
        assert_eq!(in_network_of(u32::MAX), None);
    }
}
