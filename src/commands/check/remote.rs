//! Checks of the way to Mimecast: proxy, name, log-in, clock, permissions.

use std::net::ToSocketAddrs as _;
use std::sync::Arc;

use chrono::TimeDelta;
use reqwest::Url;
use secrecy::ExposeSecret as _;

use crate::api::answer::Denial;
use crate::api::objects::Objects;
use crate::api::signer::signers;
use crate::api::{ApiError, Client, Identity};
use crate::clock::Clock;
use crate::commands::trial;
use crate::config::{Api, Config, Environment, Proxy};
use crate::delivery::{self, Setting};
use crate::durable::{Disk, SystemDisk};
use crate::failure::{Code, Failure};
use crate::monitor::escaped;
use crate::run::process;

use super::Finding;

/// If the clocks differ by more, API 1.0 refuses signatures at 15 minutes, and no file is deleted at 10.
const SKEW_LIMIT: TimeDelta = TimeDelta::minutes(2);
/// The variables that name a proxy, in the order in which they count.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Checks the way from this host to each log.
pub(super) fn all(config: &Config, identity: Identity, clock: &Clock) -> Vec<Finding> {
    let mut checks = vec![proxy(config)];
    if checks[0].text.starts_with("none") {
        checks.extend(name(config));
    }
    let (base, app_id) = (config.mimecast.base_url.clone(), &config.mimecast.app_id);
    if config.mimecast.base_url.is_https() {
        checks.extend(signer(config));
    }
    let client = match Client::new(base, app_id, identity, &config.network, clock.clone()) {
        Ok(client) => client,
        Err(error) => {
            checks.push(Finding::bad("TLS", error));
            return checks;
        }
    };
    let logged_in = client.log_in();
    match logged_in {
        Ok(()) => {
            checks.extend(permissions(config, &client, clock));
            checks.extend(store(config, &client, clock));
        }
        Err(error) => checks.push(refusal("log-in", error)),
    }
    checks.extend(clocks(clock));
    checks
}

/// Sends one marked event to each destination, and tells what its protocol does not promise.
pub(super) fn destinations(
    config: &Config,
    environment: &Environment,
    clock: &Clock,
) -> Vec<Finding> {
    let host = process::host_name();
    let disk: Arc<dyn Disk> = Arc::new(SystemDisk);
    let setting = Setting {
        config,
        environment,
        clock,
        host: &host,
        disk: &disk,
    };
    let mut findings = Vec::new();
    for destination in &config.destinations {
        let (name, kind) = (&destination.name, destination.kind.name());
        let caveat = destination.caveat().map(|caveat| format!("; {caveat}"));
        findings.push(match delivery::send_one(setting, destination) {
            Ok(()) => {
                let caveat = caveat.unwrap_or_default();
                let text = format!("{name} ({kind}) took a marked event{caveat}");
                Finding::ok("destination", text)
            }
            Err(failure) => Finding::bad("destination", failure.context(name)),
        });
    }
    findings
}

/// Tells which proxy is used and where it comes from, without its password.
fn proxy(config: &Config) -> Finding {
    let from_variable = || {
        let mut set = VARIABLES
            .iter()
            .filter_map(|name| Some((name, std::env::var(name).ok()?)));
        set.find(|(_, value)| !value.is_empty())
    };
    let text = match &config.network.proxy {
        Proxy::None => "none, because the configuration says so".to_owned(),
        Proxy::Url(url) => format!("{} from the configuration", host_of(url.expose_secret())),
        Proxy::System => match from_variable() {
            Some((name, value)) => format!(
                "{} from {name}, unless NO_PROXY excepts the host",
                host_of(&value)
            ),
            None if cfg!(windows) => "that of the system, if it has one".to_owned(),
            None => "none".to_owned(),
        },
    };
    Finding::ok("proxy", text)
}

fn host_of(url: &str) -> String {
    let parsed = Url::parse(url).or_else(|_| Url::parse(&format!("http://{url}")));
    let host = parsed.ok().and_then(|url| {
        let port = url.port_or_known_default()?;
        Some(format!("{}:{port}", url.host_str()?))
    });
    host.unwrap_or_else(|| "an address that is not readable".to_owned())
}

/// Connects, and tells who signed the certificate of the host. Whether it is trusted shows at the log-in.
fn signer(config: &Config) -> Option<Finding> {
    let base = &config.mimecast.base_url;
    let host = base.host();
    let signers = signers(&config.network, base)?;
    Some(match signers.first() {
        Some(first) => {
            let first = escaped(first);
            Finding::ok(
                "TLS",
                format!("the certificate of {host} is signed by {first}"),
            )
        }
        None => {
            let what = format!("{host} shows no certificate");
            let remedy = "allow this host to connect to it on port 443: check firewall and proxy";
            Finding::bad("TLS", Failure::new(Code::Later, what, remedy))
        }
    })
}

/// Looks for an object in the lists of the first types, and fetches its first bytes.
fn store(config: &Config, client: &Client, clock: &Clock) -> Option<Finding> {
    if config.mimecast.api != Api::V2 {
        return None;
    }
    let objects = match Objects::new(client, &config.network, clock.clone()) {
        Ok(objects) => objects,
        Err(error) => return Some(Finding::bad("object store", error)),
    };
    let now = clock.present().earliest;
    let address = match trial::first_address(client, &config.siem, now) {
        Ok(Some(address)) => address,
        Ok(None) => {
            let text = "not known: no list of the first types names an object";
            return Some(Finding::ok("object store", text));
        }
        Err(_) => return None, // the permission says why
    };
    let address = match objects.address(&address) {
        Ok(address) => address,
        Err(error) => return Some(Finding::bad("object store", error)),
    };
    Some(match trial::fetch_object(&objects, &address) {
        Ok(()) => Finding::ok(
            "object store",
            format!("objects arrive from {}", address.host()),
        ),
        Err(error) => Finding::bad("object store", error),
    })
}

fn name(config: &Config) -> Option<Finding> {
    let host = config.mimecast.base_url.host();
    let found = (host, 443).to_socket_addrs();
    Some(match found.map(|mut addresses| addresses.next()) {
        Ok(Some(address)) => Finding::ok("name", format!("{host} is {}", address.ip())),
        Ok(None) => unresolved(host, "no address"),
        Err(error) => unresolved(host, &error.to_string()),
    })
}

fn unresolved(host: &str, why: &str) -> Finding {
    let what = format!("{host} has no address: {why}");
    Finding::bad(
        "name",
        Failure::new(
            Code::Later,
            what,
            "check DNS on this host, or set proxy in config.toml",
        ),
    )
}

/// Tries one call for each log.
fn permissions(config: &Config, client: &Client, clock: &Clock) -> Vec<Finding> {
    let siem = &config.siem;
    let now = clock.present().earliest;
    let tried = trial::logs(config.mimecast.api, siem)
        .into_iter()
        .map(|log| {
            let product = log
                .product
                .map(|product| format!(" ({product})"))
                .unwrap_or_default();
            match trial::fetch(client, siem, log, now) {
                Ok(()) => Finding::ok("permission", format!("{}{product}", log.permission)),
                Err(error) => refusal("permission", error),
            }
        });
    tried.collect()
}

fn refusal(name: &'static str, error: ApiError) -> Finding {
    let step = match &error {
        ApiError::Denied(Denial::Permission(_)) => {
            Some("role and products: docs/prepare-mimecast.md, step 2")
        }
        ApiError::Denied(Denial::Client | Denial::Token) => {
            Some("client id and secret: docs/prepare-mimecast.md, step 3")
        }
        _ => None,
    };
    let mut finding = Finding::bad(name, error);
    if let Some(step) = step {
        finding.remedy = Some(format!("check {step}"));
    }
    finding
}

/// Compares the clocks, if an answer came.
fn clocks(clock: &Clock) -> Option<Finding> {
    let skew = clock.skew()?;
    let seconds = skew.num_seconds();
    Some(match skew.abs() > SKEW_LIMIT {
        true => Finding::advice(
            "clock",
            format!(
                "this host's clock differs from Mimecast's by {} s",
                seconds.abs()
            ),
            "set this host's clock, and let it be synchronised",
        ),
        false => Finding::ok("clock", "this host and Mimecast agree within two minutes"),
    })
}
