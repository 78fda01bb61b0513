//! Just enough of HTTP to ask a service or a registry something.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::eventually;

/// The status and the body of the answer; none if nobody answers.
pub fn get(address: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// The body of the answer as soon as there is one.
#[track_caller]
pub fn body(address: &str, path: &str) -> String {
    let answer = eventually(&format!("an answer of http://{address}{path}"), || get(address, path));
    assert_eq!(answer.0, 200, "http://{address}{path}");
    answer.1.trim_end().to_owned()
}
