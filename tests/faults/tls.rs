//! A TLS front for a sandbox, with certificates of every kind: shared by the tests of
//! certificates and of proxies.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::harness::Installation;

/// An authority that no system trusts.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// For `ca_file`.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Speaks TLS under all these names before the sandbox of a place.
    pub(crate) fn front_of(&self, names: &[&str], place: &Installation) -> Front {
        let url = place.sandbox.url();
        let behind = url.strip_prefix("http://").expect("plain");
        let behind = behind.parse().expect("an address");
        self.front(names[0], behind, |params| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            let whole = CertificateParams::new(names).expect("names");
            params.subject_alt_names = whole.subject_alt_names;
        })
    }

    /// Speaks TLS as `name` before what listens at `behind`; `change` may spoil the certificate.
    pub(crate) fn front(
        &self,
        name: &str,
        behind: SocketAddr,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Front {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .expect("they fit");
        Front::start(Arc::new(config), behind)
    }
}

/// A listener that ends TLS.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Front {
    fn start(config: Arc<ServerConfig>, behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        thread::spawn(move || {
            for outside in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                let session = ServerConnection::new(Arc::clone(&config)).expect("a session");
                let inside = TcpStream::connect(behind).expect("the sandbox listens");
                // either side may leave at any time
                thread::spawn(move || pump(StreamOwned::new(session, outside), inside));
            }
        });
        Self {
            address,
            connections,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Carries bytes both ways, in turns, until one side ends.
fn pump(
    mut outside: StreamOwned<ServerConnection, TcpStream>,
    mut inside: TcpStream,
) -> io::Result<()> {
    let turn = Some(Duration::from_millis(2));
    outside.sock.set_read_timeout(turn)?;
    inside.set_read_timeout(turn)?;
    while carry(&mut outside, &mut inside)? && carry(&mut inside, &mut outside)? {}
    Ok(())
}

/// Carries what is there; false at the end.
fn carry(from: &mut impl Read, to: &mut impl Write) -> io::Result<bool> {
    let mut buffer = [0; 16 << 10];
    match from.read(&mut buffer) {
        Ok(0) => Ok(false),
        Ok(count) => to.write_all(&buffer[..count]).map(|()| true),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Ok(true)
        }
        Err(error) => Err(error),
    }
}
