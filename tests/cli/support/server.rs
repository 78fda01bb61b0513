//! A small HTTP server on a port of its own, which remembers what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// How long a test waits for what has to come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What was asked.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    /// With the query, where there is one.
    pub path: String,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    /// Method and path, as in `PUT /v2/app/manifests/latest`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The credentials that came with it.
    pub fn authorization(&self) -> Option<&str> {
        self.headers.get("authorization").map(String::as_str)
    }
}

/// What is answered.
#[derive(Clone, Debug, Default)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    never: bool,
}

impl Response {
    /// An answer with this status and nothing else.
    pub fn status(status: u16) -> Response {
        Response { status, ..Response::default() }
    }

    /// No answer: the connection stays open and silent.
    pub fn never() -> Response {
        Response { never: true, ..Response::default() }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Response {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Response {
        self.body = body.into();
        self
    }

    fn write(&self, head_only: bool, mut stream: &TcpStream) -> std::io::Result<()> {
        let mut text = format!("HTTP/1.1 {} Status\r\nContent-Length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        if !head_only {
            bytes.extend(&self.body);
        }
        stream.write_all(&bytes)
    }
}

type Log = Arc<(Mutex<Vec<Request>>, Condvar)>;

/// The server. Its threads end with the tests.
pub struct Server {
    address: SocketAddr,
    log: Log,
}

impl Server {
    /// Starts one that answers as `handler` says.
    pub fn start(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Server {
        Server::start_on(Ipv4Addr::LOCALHOST.into(), handler)
    }

    /// Starts one at this address.
    pub fn start_on(address: IpAddr, handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let log = Log::default();
        let (handler, known) = (Arc::new(handler), Arc::clone(&log));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (handler, log) = (Arc::clone(&handler), Arc::clone(&known));
                // A client that goes away is no failure of the server's.
                std::thread::spawn(move || serve(&stream, &log, handler.as_ref()).ok());
            }
        });
        Server { address, log }
    }

    /// Its address and port.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Everything that it was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        self.log.0.lock().unwrap().clone()
    }

    /// Everything that it was asked so far, which it forgets.
    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.log.0.lock().unwrap())
    }

    /// Waits until it is asked something.
    pub fn wait_for(&self, wanted: impl Fn(&Request) -> bool) {
        let (log, news) = &*self.log;
        let missing = |requests: &mut Vec<Request>| !requests.iter().any(&wanted);
        let (requests, waited) = news.wait_timeout_while(log.lock().unwrap(), PATIENCE, missing).unwrap();
        assert!(!waited.timed_out(), "it never came: {:?}", requests.iter().map(Request::line).collect::<Vec<_>>());
    }
}

/// A port of this machine that nobody listens at.
pub fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn serve(stream: &TcpStream, log: &Log, handler: &dyn Fn(&Request) -> Response) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader)? {
        let response = handler(&request);
        let head_only = request.method == "HEAD";
        log.0.lock().unwrap().push(request);
        log.1.notify_all();
        if response.never {
            // Until the other side gives up.
            return reader.read_to_end(&mut Vec::new()).map(|_| ());
        }
        response.write(head_only, stream)?;
    }
    Ok(())
}

fn read(reader: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut request = Request::default();
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    (request.method, request.path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.trim().split_once(": ") {
            request.headers.insert(name.to_lowercase(), value.to_owned());
        }
    }
    let length = request.headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    request.body = vec![0; length];
    reader.read_exact(&mut request.body)?;
    Ok(Some(request))
}
