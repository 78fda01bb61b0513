//! A small HTTP service: says who answers, and stops on SIGTERM.
//!
//! It listens on `PORT`, 8080 if that isn't set.

use std::io;
use std::sync::Arc;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tiny_http::{Response, Server};

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    let server = Arc::new(Server::http(format!("0.0.0.0:{port}"))?);
    println!("listening on {port}");
    stop_on_signal(Arc::clone(&server))?;
    for request in server.incoming_requests() {
        let answer = match request.url() {
            "/pid" => format!("{}\n", std::process::id()),
            "/arch" => format!("{}\n", std::env::consts::ARCH),
            _ => "hello from a scratch image\n".to_owned(),
        };
        request.respond(Response::from_string(answer))?;
    }
    println!("stopped");
    Ok(())
}

/// The kernel gives PID 1 no default for signals: a program that does not ask for SIGTERM never gets it.
fn stop_on_signal(server: Arc<Server>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            server.unblock();
        }
    });
    Ok(())
}
