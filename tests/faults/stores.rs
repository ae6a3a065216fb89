//! Object stores: which addresses are fetched from, with and without a proxy.

use std::fs;
use std::net::{TcpListener, ToSocketAddrs as _};
use std::time::Duration;

use super::proxies::{Manner, Proxy};
use super::tls::Authority;
use super::{Collector, move_to};
use crate::harness::{Installation, Outcome};
use mimecast_sandbox::{Endpoint, Reply};

const API: &str = "api.services.mimecast.com";
const STORE: &str = "store.example.com";

/// An installation of API 2.0 whose requests go through a proxy on this host.
struct Proxied {
    place: Installation,
    proxy: Proxy,
}

impl Proxied {
    fn start() -> Self {
        let place = Collector::Objects.behind();
        let authority = Authority::new();
        fs::write(place.path("ca.pem"), authority.pem()).expect("written");
        let front = authority.front_of(&[API, STORE], &place);
        let proxy = Proxy::start(Manner::To(front.address));
        Self { place, proxy }
    }

    /// Lets the list name another host for its objects.
    fn objects_are_at(&self, store: &str) {
        let (url, store) = (self.place.sandbox.url(), format!("https://{store}"));
        self.place.clear();
        let change = move |reply: &mut Reply| {
            let text = String::from_utf8(reply.body.to_vec()).expect("JSON");
            reply.set_body(text.replace(&url, &store).into_bytes());
        };
        self.place.always(Endpoint::Events, change);
    }

    /// Runs the collector with more lines in `[network]` and these variables.
    fn run(&self, network: &str, variables: &[(&str, String)]) -> Outcome {
        let base = format!("https://{API}");
        let network = format!("retries = 1\nretry_wait_ms = 5\nca_file = \"ca.pem\"\n{network}");
        move_to(Collector::Objects, &self.place, &base, &network);
        let mut command = self.place.command(Collector::Objects.program());
        command.arg("--config").arg(self.place.path("config.toml"));
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        self.place.finish(command)
    }

    /// The variable that leads through the proxy, by this name of its host.
    fn through(&self, host: &str) -> (&'static str, String) {
        (
            "HTTPS_PROXY",
            format!("http://{host}:{}", self.proxy.address.port()),
        )
    }

    fn targets(&self) -> String {
        self.proxy.heads().concat()
    }
}

/// A name of this host other than `localhost`, if its hosts file has one.
fn other_name_of_this_host() -> Option<String> {
    let hosts = fs::read_to_string("/etc/hosts").ok()?;
    let lines = hosts
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default());
    let names = lines.flat_map(|line| line.split_whitespace().skip(1));
    let is_here = |name: &&str| {
        let found = (*name, 0).to_socket_addrs();
        let mut found = found.into_iter().flatten().peekable();
        found.peek().is_some() && found.all(|at| at.ip().is_loopback())
    };
    let mut names = names.filter(|name| *name != "localhost");
    names.find(is_here).map(str::to_owned)
}

#[test]
fn a_proxy_inside_the_company_brings_objects_of_public_stores() {
    let proxied = Proxied::start();
    proxied.objects_are_at(STORE);
    // a name that leads to this very host, which no store may
    let proxy = proxied.through("localhost");
    let elsewhere = ("NO_PROXY", "intranet.example.com".to_owned());
    proxied.run("", &[proxy, elsewhere]).stays_silent();
    proxied.place.assert_objects_complete();
    let targets = proxied.targets();
    let is_asked = |host: &&str| targets.contains(&format!("CONNECT {host}:443 "));
    assert!([API, STORE].iter().all(is_asked), "{targets}");
}

#[test]
fn a_store_on_this_host_or_its_link_is_never_asked_whatever_the_variables_say() {
    let proxied = Proxied::start();
    let trap = TcpListener::bind("127.0.0.1:0").expect("a free port");
    trap.set_nonblocking(true).expect("a socket can");
    let port = trap.local_addr().expect("bound").port();
    let all = "private_stores = \"localhost, 10.0.0.0/8, 172.16.0.0/12, fd00::/8\"";
    let mut stores = vec![
        (format!("127.0.0.1:{port}"), 75, "leads to this host"),
        (format!("localhost:{port}"), 75, "leads to this host"),
        (
            format!("[::ffff:127.0.0.1]:{port}"),
            75,
            "leads to this host",
        ),
        ("169.254.169.254".to_owned(), 75, "leads to this host"),
    ];
    let name = other_name_of_this_host();
    stores.extend(name.map(|name| (format!("{name}:{port}"), 78, "resolves to this host")));
    for (store, code, told) in stores {
        let host = store.trim_end_matches(&format!(":{port}")).to_owned();
        for exempt in ["", &host, ".example.com"] {
            println!("{store} {exempt}");
            let is_asked_of_the_proxy = exempt != host && code == 78;
            if is_asked_of_the_proxy {
                continue; // the proxy resolves the name, and it stands elsewhere
            }
            proxied.objects_are_at(&store);
            let variables = [
                proxied.through("localhost"),
                ("NO_PROXY", exempt.to_owned()),
            ];
            proxied.run(all, &variables).ends_with(code).says(told);
            proxied.objects_are_at(STORE);
            // objects at the other host are no longer listed: they end as gaps
            let settle = || proxied.run("", &[proxied.through("localhost")]);
            assert!((0..3).any(|_| settle().code == 0));
            Collector::Objects.refill(&proxied.place);
        }
    }
    assert!(trap.accept().is_err(), "P6: nobody came");
    assert!(!proxied.targets().contains(&format!(":{port} ")), "P6");
    proxied.objects_are_at(STORE);
    proxied
        .run("", &[proxied.through("localhost")])
        .stays_silent();
    proxied.place.assert_objects_complete();
}

#[test]
fn an_object_at_the_proxys_own_name_is_not_fetched() {
    let Some(name) = other_name_of_this_host() else {
        return; // no other name leads to a proxy on this host
    };
    let proxied = Proxied::start();
    proxied.objects_are_at(&format!("{name}:{}", proxied.proxy.address.port()));
    for exempt in ["", &name] {
        let variables = [proxied.through(&name), ("NO_PROXY", exempt.to_owned())];
        let outcome = proxied.run("", &variables).ends_with(75);
        outcome.says("leads to the proxy itself");
        proxied.objects_are_at(STORE);
        proxied.run("", &[proxied.through(&name)]).stays_silent();
        Collector::Objects.refill(&proxied.place);
        proxied.objects_are_at(&format!("{name}:{}", proxied.proxy.address.port()));
    }
    proxied.objects_are_at(STORE);
    proxied.run("", &[proxied.through(&name)]).stays_silent();
    proxied.place.assert_objects_complete();
}

#[test]
fn a_private_store_is_a_matter_of_the_configuration_that_names_the_line_to_add() {
    let proxied = Proxied::start();
    for (store, host) in [("10.1.2.3", "10.1.2.3"), ("[fd00::1]:8443", "fd00::1")] {
        proxied.objects_are_at(store);
        let outcome = proxied.run("", &[proxied.through("127.0.0.1")]);
        let outcome = outcome
            .ends_with(78)
            .says(&format!("the object store {host} has a private"));
        let line = format!("private_stores = \"{host}\"");
        let path = proxied.place.path("config.toml").display().to_string();
        let outcome = outcome.says(&format!("under [network] in {path}: {line}"));
        assert!(outcome.took < Duration::from_secs(10), "{outcome:?}");
        assert!(!proxied.targets().contains(host), "P6: {host}");
        // as the message proposes; the front's certificate is not for this address
        let outcome = proxied.run(&line, &[proxied.through("127.0.0.1")]);
        assert_ne!(outcome.code, 78, "{outcome:?}");
        assert!(proxied.targets().contains(host), "now it is asked for");
    }
}
