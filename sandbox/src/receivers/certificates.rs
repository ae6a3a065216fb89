//! An authority of its own for each receiver, and the certificates that it signs.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// Who may connect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Clients {
    Any,
    /// Those alone that show a certificate of the receiver's authority.
    Certified,
}

/// What a receiver needs for TLS, and what its clients need.
pub(super) struct Certificates {
    pub(super) server: Arc<ServerConfig>,
    pub(super) ca_pem: String,
    /// Certificate and key.
    pub(super) client_pem: (String, String),
}

impl Certificates {
    pub(super) fn new(clients: Clients) -> Self {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "authority.example.com");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("a certificate");

        let mut params = leaf("localhost", ExtendedKeyUsagePurpose::ServerAuth);
        let loopback = SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST));
        params.subject_alt_names.push(loopback);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &authority).expect("a certificate");
        let chain = vec![certificate.der().clone(), authority.der().clone()];
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the provider knows them");
        let config = match clients {
            Clients::Any => config.with_no_client_auth(),
            Clients::Certified => {
                let mut roots = RootCertStore::empty();
                roots
                    .add(authority.der().clone())
                    .expect("a certificate of an authority");
                let roots = Arc::new(roots);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                config.with_client_cert_verifier(verifier.build().expect("there is an authority"))
            }
        };
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let server = config
            .with_single_cert(chain, key.into())
            .expect("certificate and key belong together");

        let params = leaf("client.example.com", ExtendedKeyUsagePurpose::ClientAuth);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &authority).expect("a certificate");
        Self {
            server: Arc::new(server),
            ca_pem: authority.pem(),
            client_pem: (certificate.pem(), key.serialize_pem()),
        }
    }
}

fn leaf(name: &str, usage: ExtendedKeyUsagePurpose) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages.push(usage);
    params
}
