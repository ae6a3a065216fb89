//! An installation with one destination, and the far end of it.

use std::fmt::Write as _;
use std::fs;

use crate::harness::{Installation, Outcome};
use mimecast_sandbox::receivers::{Http, Product, Syslog, Transport};

/// A far end of any protocol.
pub(crate) enum FarEnd {
    Syslog(Syslog),
    Http(Http),
}

/// An installation with one destination named `soc`.
pub(crate) struct Place {
    pub(crate) installation: Installation,
    pub(crate) end: FarEnd,
    /// What the file gives beside type and address.
    more: String,
}

pub(crate) const PRODUCTS: [Product; 5] = [
    Product::Sumo,
    Product::Hec { ack: false },
    Product::Hec { ack: true },
    Product::Bulk,
    Product::Webhook,
];
pub(crate) const STREAMS: [Transport; 4] = [
    Transport::Tcp,
    Transport::Tls,
    Transport::Relp,
    Transport::RelpTls,
];

impl Place {
    pub(crate) fn of(end: FarEnd, more: &str) -> Self {
        let place = Self {
            installation: Installation::connected(),
            end,
            more: more.to_owned(),
        };
        place.configure();
        place
    }

    pub(crate) fn syslog(transport: Transport) -> Self {
        Self::of(FarEnd::Syslog(Syslog::start(transport)), "")
    }

    pub(crate) fn http(product: Product) -> Self {
        Self::of(FarEnd::Http(Http::start(product)), "")
    }

    /// One of each protocol that confirms.
    pub(crate) fn all() -> Vec<Self> {
        let streams = STREAMS.into_iter().map(Self::syslog);
        streams
            .chain(PRODUCTS.into_iter().map(Self::http))
            .collect()
    }

    /// Writes configuration and secrets for the far end as it is now.
    pub(crate) fn configure(&self) {
        let (table, secrets) = self.tables();
        self.installation.configure(&table);
        let account = self.installation.sandbox.account();
        self.installation.write_credentials(account.secret_key);
        let path = self.installation.path("credentials.toml");
        let text = fs::read_to_string(&path).expect("text") + &secrets;
        fs::write(path, text).expect("written");
    }

    /// Returns the table of the configuration, and that of the credentials.
    fn tables(&self) -> (String, String) {
        let mut table = "[[destination]]\nname = \"soc\"\n".to_owned();
        let mut secrets = "[destination.soc]\n".to_owned();
        let more = &self.more;
        match &self.end {
            FarEnd::Syslog(syslog) => {
                let port = syslog.address().port();
                let scheme = scheme_of(syslog);
                let _ = write!(
                    table,
                    "type = \"syslog\"\naddress = \"{scheme}://localhost:{port}\"\n"
                );
                if scheme.contains("tls") {
                    let path = self.installation.path("siem-ca.pem");
                    fs::write(path, syslog.ca_pem()).expect("written");
                    table += "ca_file = \"siem-ca.pem\"\n";
                }
            }
            FarEnd::Http(http) => {
                let (url, token) = (http.url(), http.token());
                let (kind, secret) = match http.product() {
                    Product::Sumo => ("sumo", format!("url = \"{url}\"\n")),
                    Product::Hec { .. } => ("splunk_hec", format!("token = \"{token}\"\n")),
                    Product::Bulk => ("elastic", format!("api_key = \"{token}\"\n")),
                    Product::Webhook => {
                        let (name, value) = http.header().expect("it asks for one");
                        ("webhook", format!("headers = {{ {name} = \"{value}\" }}\n"))
                    }
                };
                let _ = writeln!(table, "type = \"{kind}\"");
                if http.product() != Product::Sumo {
                    let _ = writeln!(table, "url = \"{url}\"");
                }
                secrets += &secret;
            }
        }
        (format!("{table}{more}\n"), secrets)
    }

    /// Serves gateway logs and collects them.
    pub(crate) fn collect(&self, seeds: std::ops::Range<u64>, events: usize) -> Outcome {
        self.installation.serve_batches(seeds, events);
        self.installation.siem()
    }

    /// The lines that were published, in the order of publication.
    pub(crate) fn published(&self) -> Vec<String> {
        let folder = self.installation.path("data/mta");
        let mut files: Vec<_> = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        let texts = files
            .iter()
            .map(|path| fs::read_to_string(path).expect("text"));
        texts
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    /// The lines that arrived, in order.
    pub(crate) fn arrived(&self) -> Vec<String> {
        match &self.end {
            FarEnd::Syslog(syslog) => syslog.messages().iter().map(|text| body_of(text)).collect(),
            FarEnd::Http(http) => http
                .stored()
                .iter()
                .map(|stored| line_of(&stored.event))
                .collect(),
        }
    }

    /// Every published line arrived, and none twice.
    #[track_caller]
    pub(crate) fn assert_delivered(&self) {
        let (mut published, mut arrived) = (self.published(), self.arrived());
        published.sort();
        arrived.sort();
        assert_eq!(arrived, published);
        assert!(!published.is_empty());
    }

    /// Every published line arrived, and at most so many more than once.
    #[track_caller]
    pub(crate) fn assert_none_lost(&self, repeated: usize) {
        let (published, arrived) = (self.published(), self.arrived());
        for line in &published {
            assert!(arrived.contains(line), "lost {line}");
        }
        assert!(
            arrived.len() <= published.len() + repeated,
            "{} of {}",
            arrived.len(),
            published.len()
        );
    }

    /// The names of the files that wait.
    pub(crate) fn waiting(&self) -> Vec<String> {
        let Ok(listed) = fs::read_dir(self.installation.path("data/outbox/soc")) else {
            return Vec::new();
        };
        let names = listed.map(|entry| entry.expect("an entry").file_name());
        let names = names.map(|name| name.into_string().expect("UTF-8"));
        names.filter(|name| !name.starts_with('.')).collect()
    }
}

fn scheme_of(syslog: &Syslog) -> &'static str {
    match syslog.transport() {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
        Transport::Relp => "relp",
        Transport::RelpTls => "relp+tls",
    }
}

/// The text behind the header of RFC 5424.
fn body_of(message: &str) -> String {
    message.splitn(8, ' ').nth(7).expect("a header").to_owned()
}

/// The line in an event of any HTTP product.
fn line_of(event: &str) -> String {
    let document = serde_json::from_str::<serde_json::Value>(event);
    match document
        .as_ref()
        .map(|document| document["message"].as_str())
    {
        Ok(Some(line)) => line.to_owned(),
        _ => event.to_owned(),
    }
}
