//! Proxies: those that help, those that refuse, and what they get to see.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::tls::Authority;
use super::{Collector, move_to};

const PASSWORD: &str = "canary-proxy-password";

/// What a proxy does with a request for a tunnel.
#[derive(Clone, Copy)]
pub(crate) enum Manner {
    Tunnel,
    /// A tunnel to this address, whatever the target.
    To(SocketAddr),
    Answer(&'static str),
    Hang,
}

/// A proxy on a loopback port, and what it was told.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(crate) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                // either side may leave at any time
                thread::spawn(move || serve(stream, manner, &seen));
            }
        });
        Self { address, heads }
    }

    /// For `[network]`: with a user's name and password.
    fn setting(&self) -> String {
        let Self { address, .. } = self;
        format!("retries = 1\nretry_wait_ms = 5\nproxy = \"http://user:{PASSWORD}@{address}\"")
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("nobody panics").clone()
    }
}

fn serve(mut client: TcpStream, manner: Manner, seen: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    seen.lock().expect("nobody panics").push(head);
    match manner {
        Manner::Hang => thread::sleep(Duration::from_secs(30)),
        Manner::Answer(text) => client.write_all(text.as_bytes())?,
        Manner::Tunnel | Manner::To(_) => {
            let mut host = match manner {
                Manner::To(address) => TcpStream::connect(address)?,
                _ => TcpStream::connect(target)?,
            };
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            let (mut back, mut to) = (host.try_clone()?, client.try_clone()?);
            thread::spawn(move || io::copy(&mut back, &mut to));
            io::copy(&mut client, &mut host)?;
        }
    }
    Ok(())
}

/// A host of the generation, which nobody asks: the proxy comes first.
const fn nowhere(collector: Collector) -> &'static str {
    if collector.is_by_token() {
        "https://uk-api.services.mimecast.com"
    } else {
        "https://nowhere.mimecast.com"
    }
}

#[test]
fn through_a_proxy_everything_arrives_and_its_password_goes_to_it_alone() {
    let authority = Authority::new();
    // the object store of the sandbox is reached without TLS, and so without a tunnel
    for collector in [Collector::Siem, Collector::Audit, Collector::AuditByToken] {
        let place = collector.behind();
        fs::write(place.path("ca.pem"), authority.pem()).expect("written");
        let url = place.sandbox.url();
        let behind = url.strip_prefix("http://").expect("plain");
        let front = authority.front("127.0.0.1", behind.parse().expect("an address"), |_| ());
        let proxy = Proxy::start(Manner::Tunnel);
        let network = format!("{}\nca_file = \"ca.pem\"", proxy.setting());
        move_to(collector, &place, &front.url(), &network);
        let before = place.requests().len();
        collector.overcomes(&place);
        let heads = proxy.heads();
        assert!(!heads.is_empty() && front.connections() == heads.len());
        let lower = heads.concat().to_ascii_lowercase();
        assert!(lower.contains("proxy-authorization: basic "), "{lower}");
        assert!(
            !lower.contains("x-mc-")
                && !lower.contains("bearer")
                && !lower.contains("\r\nauthorization:"),
            "P6"
        );
        for seen in &place.requests()[before..] {
            assert_eq!(seen.header("proxy-authorization"), None, "P6");
        }
        assert!(!place.log("").contains(PASSWORD), "P6");
    }
}

const CHALLENGE: &str = "HTTP/1.1 407 Proxy Authentication Required\r\n\
                     proxy-authenticate: Basic realm=\"x\"\r\ncontent-length: 0\r\n\r\n";

/// How a proxy behaves, the code of the run, and what it says.
const UNHELPFUL: [(Manner, i32, &str); 5] = [
    (
        Manner::Answer(CHALLENGE),
        78,
        "the proxy requires a valid user name and password",
    ),
    (
        Manner::Answer("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"),
        75,
        "no connection",
    ),
    (Manner::Answer("no proxy at all\r\n"), 75, "no connection"),
    (Manner::Answer(""), 75, "no connection"),
    (Manner::Hang, 75, "no connection in time"),
];

#[test]
fn a_proxy_that_does_not_help_is_left_for_later_and_its_password_is_not_told() {
    for collector in Collector::ALL {
        let place = collector.behind();
        for (manner, code, told) in UNHELPFUL {
            let proxy = Proxy::start(manner);
            let network = format!("{}\nconnect_timeout_seconds = 1", proxy.setting());
            move_to(collector, &place, nowhere(collector), &network);
            let outcome = collector.holds(&place, code, told);
            assert!(outcome.took < Duration::from_secs(15), "P4: {outcome:?}");
            assert!(!proxy.heads().is_empty(), "the proxy was asked");
            assert!(!outcome.stderr.contains(PASSWORD), "P6: {outcome:?}");
            assert!(!place.log("").contains(PASSWORD), "P6");
        }
        move_to(collector, &place, &place.sandbox.url(), "retries = 1");
        collector.recovers(&place);
    }
}

#[test]
fn a_proxy_that_is_gone_is_left_for_later() {
    let collector = Collector::Siem;
    let place = collector.behind();
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("bound");
    drop(free);
    let network =
        format!("retries = 1\nretry_wait_ms = 5\nproxy = \"http://user:{PASSWORD}@{address}\"");
    move_to(collector, &place, nowhere(collector), &network);
    let outcome = collector.holds(&place, 75, "no connection");
    assert!(!outcome.stderr.contains(PASSWORD), "P6: {outcome:?}");
    move_to(collector, &place, &place.sandbox.url(), "retries = 1");
    collector.recovers(&place);
}
