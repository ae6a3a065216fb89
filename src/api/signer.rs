//! Who signed the certificate of a host: the way to recognise a proxy that opens TLS.
//!
//! The verifier here remembers the certificates and refuses all of them. So no request is ever sent over such a
//! connection.

use std::sync::{Arc, Mutex};

use reqwest::ClientBuilder;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::runtime::Builder;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Name};

use super::trust::proxied;
use crate::config::{BaseUrl, Network};

/// Returns the names of the authorities that signed the host's certificates, the nearest first, such as
/// `Example Proxy CA`. Empty if the host does not show a certificate. `None` if only a proxy shows its own.
pub fn signers(network: &Network, base: &BaseUrl) -> Option<Vec<String>> {
    let refusing = Arc::new(Refusing::of(base.host()));
    let config = ClientConfig::builder_with_provider(Arc::clone(&refusing.provider))
        .with_safe_default_protocol_versions()
        .map(|builder| {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::clone(&refusing) as Arc<_>)
                .with_no_client_auth()
        });
    let Ok(config) = config else {
        return Some(Vec::new());
    };
    let builder = ClientBuilder::new()
        .connect_timeout(network.connect_timeout)
        .timeout(network.idle_timeout)
        .tls_backend_preconfigured(config);
    let client = proxied(builder, network, base.is_loopback()).map(ClientBuilder::build);
    let runtime = Builder::new_current_thread().enable_all().build();
    if let (Ok(Ok(client)), Ok(runtime)) = (client, runtime) {
        // always an error: the handshake fails
        let _ = runtime.block_on(async { client.head(base.join("/")).send().await });
    }
    let seen = refusing.seen.lock().ok()?;
    seen.clone()
}

/// A verifier that accepts no certificate.
#[derive(Debug)]
struct Refusing {
    provider: Arc<CryptoProvider>,
    host: String,
    /// The signers of the host's certificates; `None` after a certificate of another host.
    seen: Mutex<Option<Vec<String>>>,
}

impl Refusing {
    fn of(host: &str) -> Self {
        Self {
            provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
            host: host.to_owned(),
            seen: Mutex::new(Some(Vec::new())),
        }
    }
}

impl ServerCertVerifier for Refusing {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        if let Ok(mut seen) = self.seen.lock() {
            let mut names: Vec<String> = chain
                .filter_map(|certificate| issuer(certificate))
                .collect();
            names.dedup();
            *seen = (*name.to_str() == *self.host).then_some(names);
        }
        Err(Error::General("only the names were wanted".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("only the names were wanted".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("only the names were wanted".to_owned()))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Returns the name of a certificate's issuer, with its organisation if it names one.
fn issuer(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let name: &X509Name<'_> = certificate.issuer();
    let first = |mut texts: Vec<&str>| (!texts.is_empty()).then(|| texts.swap_remove(0).to_owned());
    let common = first(
        name.iter_common_name()
            .filter_map(|text| text.as_str().ok())
            .collect(),
    );
    let organisation = first(
        name.iter_organization()
            .filter_map(|text| text.as_str().ok())
            .collect(),
    );
    match (common, organisation) {
        (Some(common), Some(organisation)) => Some(format!("{common} ({organisation})")),
        (common, organisation) => common.or(organisation),
    }
}
