//! TLS for receivers that are not reached by HTTP: the system's roots, the certificates of the configuration, and a
//! certificate of this client if the receiver asks for one.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::Verifier;

use crate::config::Destination;
use crate::durable;
use crate::failure::{Code, Failure};

/// The largest file of certificates, in bytes: five times the authorities of a usual system.
const FILE_LIMIT: u64 = 1 << 20;

/// Returns the configuration of TLS connections to a destination. Certificates and names are always checked.
///
/// # Errors
/// A file of certificates or the key cannot be used.
pub fn client_config(destination: &Destination) -> Result<Arc<ClientConfig>, Failure> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let refused = |what: String| {
        let what = format!("destination {}: {what}", destination.name);
        Failure::new(Code::Config, what, "correct [[destination]] in config.toml")
    };
    let extra = match &destination.network.ca_file {
        Some(path) => certificates("ca_file", path).map_err(refused)?,
        None => Vec::new(),
    };
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider))
        .map_err(|error| refused(format!("cannot set up TLS: {error}")))?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(format!("cannot set up TLS: {error}")))?
        .dangerous() // the name of the method: this verifier checks as the system does
        .with_custom_certificate_verifier(Arc::new(verifier));
    let Some(client) = &destination.client else {
        return Ok(Arc::new(builder.with_no_client_auth()));
    };
    let chain = certificates("client_cert", &client.cert).map_err(refused)?;
    let key = private_key(&client.key).map_err(refused)?;
    let config = builder.with_client_auth_cert(chain, key).map_err(|error| {
        refused(format!(
            "client_cert and client_key do not fit together: {error}"
        ))
    })?;
    Ok(Arc::new(config))
}

fn certificates(setting: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(setting, path)?;
    let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(format!(
            "{setting} {}: contains no certificate",
            path.display()
        )),
        Err(_) => Err(format!(
            "{setting} {}: not a PEM file with certificates",
            path.display()
        )),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let pem = read("client_key", path)?;
    PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| format!("client_key {}: contains no private key", path.display()))
}

fn read(setting: &str, path: &Path) -> Result<Vec<u8>, String> {
    durable::read_named(path, FILE_LIMIT)
        .map_err(|error| format!("{setting} {}: {error}", path.display()))
}
