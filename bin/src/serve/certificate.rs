//! The certificate of the public address, as whoever opens it sees it: whether its chain is believed, and for how long.

use openline_bitrix::Concern;
use openline_core::Check;
use parking_lot::Mutex;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

const WHAT: &str = "certificate";
/// How long the address is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const DAY: u64 = 24 * 3600;
/// Certificates are good for less.
const LONGEST: u64 = 4000;
/// A certificate that ends within so many days should have been renewed.
pub(crate) const SOON: u64 = 14;

/// What a look at it found.
pub(crate) enum Found {
    /// It is well, or can't be seen from here.
    Fine(Check),
    /// Somebody has to mend it.
    Bad(Concern),
}

impl Found {
    /// As `openline doctor` says it.
    pub(crate) fn check(self) -> Check {
        match self {
            Self::Fine(check) => check,
            Self::Bad(concern) => concern.check(WHAT),
        }
    }

    pub(crate) fn concern(self) -> Option<Concern> {
        match self {
            Self::Fine(_) => None,
            Self::Bad(concern) => Some(concern),
        }
    }
}

/// Looks at it; nothing to look at where plain http is spoken.
pub(crate) async fn look(public_url: &str) -> Option<Found> {
    let url = Url::parse(public_url).ok().filter(|url| url.scheme() == "https")?;
    let host = url.host_str()?.to_owned();
    Some(match tokio::time::timeout(PATIENCE, days(&url)).await {
        Err(_) => Found::Fine(away(&host, "does not answer")),
        Ok(Err(Trouble::Away(problem))) => Found::Fine(away(&host, &problem)),
        Ok(Err(Trouble::Bad(problem))) => {
            Found::Bad(Concern::new(WHAT, "certificate", &[("host", &host), ("reason", &problem)]))
        }
        Ok(Ok(days)) if days < SOON => {
            let days = (days + 1).to_string();
            Found::Bad(Concern::new(WHAT, "certificate_ends", &[("host", &host), ("days", &days)]))
        }
        Ok(Ok(days)) => Found::Fine(Check::good(WHAT, format!("{host}: its chain is believed, for {days} more days"))),
    })
}

/// Some networks don't let a machine reach its own public address.
fn away(host: &str, problem: &str) -> Check {
    let remedy = "look at it from outside: openssl s_client -connect HOST:443 -servername HOST";
    Check::doubtful(WHAT, format!("{host} can't be asked for it from here: {problem}"), remedy)
}

#[derive(Debug)]
enum Trouble {
    /// It could not be reached.
    Away(String),
    /// Nobody's browser would believe it.
    Bad(String),
}

/// For how many more days the chain is believed.
async fn days(url: &Url) -> Result<u64, Trouble> {
    let away = |problem: std::io::Error| Trouble::Away(problem.to_string());
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host.clone()).map_err(|error| Trouble::Bad(error.to_string()))?;
    let stream = TcpStream::connect((host, url.port_or_known_default().unwrap_or(443))).await.map_err(away)?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let verifier = WebPkiServerVerifier::builder(Arc::new(roots)).build();
    let verifier = verifier.map_err(|error| Trouble::Away(format!("this machine knows no authority: {error}")))?;
    let seen = Arc::new(Seen { verifier: Arc::clone(&verifier), chain: Mutex::default() });
    let config = ClientConfig::builder().dangerous().with_custom_certificate_verifier(Arc::clone(&seen) as _);
    let connector = TlsConnector::from(Arc::new(config.with_no_client_auth()));
    connector.connect(name.clone(), stream).await.map_err(|error| Trouble::Bad(told(&error)))?;
    let chain = seen.chain.lock().clone();
    Ok(left(&verifier, &chain, &name, UnixTime::now().as_secs()))
}

fn told(error: &std::io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(problem)) => format!("the certificate is not believed: {problem}"),
        Some(other) => format!("no https is spoken there: {other}"),
        None => format!("no https is spoken there: {error}"),
    }
}

/// For how many days from `now` (Unix seconds) on the whole chain is believed: told by asking as if it were later.
fn left(verifier: &WebPkiServerVerifier, chain: &[CertificateDer<'_>], name: &ServerName<'_>, now: u64) -> u64 {
    let Some((own, between)) = chain.split_first() else { return 0 };
    let holds = |days: &u64| {
        let then = UnixTime::since_unix_epoch(Duration::from_secs(now + days * DAY));
        verifier.verify_server_cert(own, between, name, &[], then).is_ok()
    };
    let days: Vec<u64> = (1..=LONGEST).collect();
    days.partition_point(holds) as u64
}

/// Believes what the usual verifier believes, and keeps the chain.
#[derive(Debug)]
struct Seen {
    verifier: Arc<WebPkiServerVerifier>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let whole = std::iter::once(own).chain(between).map(|one| one.clone().into_owned());
        *self.chain.lock() = whole.collect();
        self.verifier.verify_server_cert(own, between, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, own, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, own, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::pem::PemObject;

    /// Good from then on for 3650 days.
    const ISSUED: u64 = 1_796_035_501;

    fn certificate(pem: &[u8]) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(pem).unwrap()
    }

    #[test]
    fn the_days_that_are_left_are_told_by_the_chain() {
        crate::install_crypto();
        let mut roots = RootCertStore::empty();
        roots.add(certificate(include_bytes!("../../tests/certificates/root.pem"))).unwrap();
        let verifier = WebPkiServerVerifier::builder(Arc::new(roots)).build().unwrap();
        let chain = [certificate(include_bytes!("../../tests/certificates/leaf.pem"))];
        let name = |name: &'static str| ServerName::try_from(name).unwrap();
        let (ours, other) = (name("chat.example.com"), name("other.example.com"));
        assert_eq!(left(&verifier, &chain, &ours, ISSUED), 3650);
        assert_eq!(left(&verifier, &chain, &ours, ISSUED + 3640 * DAY), 10);
        assert_eq!(left(&verifier, &chain, &ours, ISSUED + 3651 * DAY), 0);
        assert_eq!(left(&verifier, &chain, &other, ISSUED), 0);
        assert_eq!(left(&verifier, &[], &ours, ISSUED), 0);
    }
}
