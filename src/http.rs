//! What all that speaks HTTP has in common: how long it is patient, and what it tries again.

use std::time::Duration;

use ureq::Agent;
use ureq::config::{ConfigBuilder, RedirectAuthHeaders};
use ureq::http::StatusCode;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::AgentScope;

use crate::oci::reference::is_loopback;

/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(15);

/// The pauses before a request that failed for a reason that may pass is tried again.
pub const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1200)];

/// How to talk to `host[:port]`: through the proxy of the environment, but not to this machine itself. Statuses are no errors.
pub fn agent_to(host: &str, roots: RootCerts, tls_verify: bool) -> ConfigBuilder<AgentScope> {
    let tls = TlsConfig::builder().root_certs(roots).disable_verification(!tls_verify);
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("cargo-scratch/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT))
        .timeout_per_read(Some(SILENCE))
        .timeout_per_write(Some(SILENCE))
        // Files are often in a storage of somebody else's, who is not to be shown our credentials.
        .redirect_auth_headers(RedirectAuthHeaders::Never)
        .tls_config(tls.build());
    if is_loopback(host) { config.proxy(None) } else { config }
}

/// Statuses that tell of a passing trouble.
pub fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// Errors of a connection that was there. One that could not be had will not be there in a second either.
pub fn broke_off(error: &ureq::Error) -> bool {
    use std::io::ErrorKind;
    match error {
        ureq::Error::Io(error) => matches!(
            error.kind(),
            ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof
        ),
        _ => false,
    }
}

/// The name was not known to those who know names.
pub fn is_lookup(error: &std::io::Error) -> bool {
    // Name resolution reports through the system's own words.
    error.to_string().contains("failed to lookup address")
}

/// The other side is not who it should be, as far as this machine knows.
pub fn is_certificate(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::Rustls(_)) || error.to_string().to_lowercase().contains("certificate")
}
