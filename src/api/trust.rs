//! Sets the proxy of a client, and the certificates that it trusts.

use std::path::PathBuf;

use reqwest::{Certificate, ClientBuilder, Proxy};
use secrecy::ExposeSecret as _;

use super::ApiError;
use crate::config::{self, Network};
use crate::durable;

/// The largest certificate file, in bytes: five times the authorities of a usual system.
const CA_FILE_LIMIT: u64 = 1 << 20;

pub(super) fn proxied(
    builder: ClientBuilder,
    network: &Network,
    is_loopback: bool,
) -> Result<ClientBuilder, ApiError> {
    match &network.proxy {
        // a proxy of the environment does not serve a loopback address
        config::Proxy::System if is_loopback => Ok(builder.no_proxy()),
        config::Proxy::System => Ok(builder),
        config::Proxy::None => Ok(builder.no_proxy()),
        config::Proxy::Url(url) => Proxy::all(url.expose_secret())
            .map(|proxy| builder.proxy(proxy))
            .map_err(|_| ApiError::Unusable("the proxy in [network] cannot be used".to_owned())),
    }
}

/// Refuses a pipe in `SSL_CERT_FILE`, because the TLS library would wait for its other end.
pub(super) fn check_authorities() -> Result<(), ApiError> {
    let Some(path) = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from) else {
        return Ok(());
    };
    match std::fs::metadata(&path) {
        Ok(metadata) if !metadata.is_file() => {
            let shown = path.display();
            let what = format!("SSL_CERT_FILE {shown}: not a regular file");
            Err(ApiError::Unusable(what))
        }
        _ => Ok(()), // the TLS library reports a missing file
    }
}

pub(super) fn trusting(
    builder: ClientBuilder,
    network: &Network,
) -> Result<ClientBuilder, ApiError> {
    let Some(path) = &network.ca_file else {
        return Ok(builder);
    };
    let unusable = |why: String| ApiError::Unusable(format!("ca_file {}: {why}", path.display()));
    let pem = durable::read_named(path, CA_FILE_LIMIT);
    let pem = pem.map_err(|error| unusable(error.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&pem)
        .map_err(|_| unusable("not a PEM file with certificates".to_owned()))?;
    if certificates.is_empty() {
        return Err(unusable("contains no certificate".to_owned()));
    }
    Ok(builder.tls_certs_merge(certificates))
}
