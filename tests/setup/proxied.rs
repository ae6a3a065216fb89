//! The first setup behind a proxy: what its configuration may hold before, and what is said about
//! certificates.

use std::fs;

use super::tokens::given as given_by_token;
use super::{assert_collects, saved, set_up};
use crate::faults::proxies::{Manner, Proxy};
use crate::faults::tls::Authority;
#[cfg(unix)]
use crate::harness::set_mode;
use crate::harness::{Installation, Outcome, QUICK, SETUP, SIEM};
use mimecast_sandbox::{Batch, Endpoint};

const DISCOVERY: &str = "api.mimecast.com";
const REGION: &str = "us-api.mimecast.com";

/// A proxy that opens TLS, with certificates of an authority that no system trusts.
struct Opening {
    place: Installation,
    authority: Authority,
    proxy: Proxy,
}

impl Opening {
    fn start() -> Self {
        let (place, authority) = (Installation::unconnected(), Authority::new());
        let front = authority.front_of(&[DISCOVERY, REGION], &place);
        let proxy = Proxy::start(Manner::To(front.address));
        let region = format!("https://{REGION}");
        place.set(|switches| switches.region_api = Some(region));
        Self {
            place,
            authority,
            proxy,
        }
    }

    /// A setup without any address, as `docs/troubleshooting.md` has it.
    fn set_up(&self) -> Outcome {
        let account = self.place.sandbox.account();
        let mut command = self.place.command(SETUP);
        command.arg("--no-input").arg("--config");
        command.arg(self.place.path("config.toml"));
        command.arg("--data-dir").arg(self.place.path("data"));
        command.args(["--email", account.email, "--app-id", account.app_id]);
        command.env("MIMECAST_PASSWORD", account.password);
        command.env("MIMECAST_APP_KEY", account.app_key);
        command.env("HTTPS_PROXY", self.proxy_url());
        self.place.finish(command)
    }

    fn collect(&self) -> Outcome {
        let mut command = self.place.command(SIEM);
        command.arg("--config").arg(self.place.path("config.toml"));
        command.env("HTTPS_PROXY", self.proxy_url());
        self.place.finish(command)
    }

    fn proxy_url(&self) -> String {
        format!("http://{}", self.proxy.address)
    }
}

#[test]
fn an_unknown_certificate_is_told_with_the_lines_that_help_and_they_do() {
    let opening = Opening::start();
    let place = &opening.place;
    let config = place.path("config.toml");
    let line = "ca_file = \"/path/of/certificate.pem\"";
    let outcome = opening.set_up().ends_with(75).says("not trusted");
    let advice = format!(
        "create {} with two lines, [network] and {line}",
        config.display()
    );
    outcome
        .says(&advice)
        .says("authentication_setup --config")
        .says("` again");
    assert!(!saved(place) && place.requests().is_empty());

    // the advice, to the letter
    let authority = place.path("authority.pem");
    fs::write(&authority, opening.authority.pem()).expect("written");
    let shown = authority.display().to_string();
    let mine = line.replace("\"/path/of/certificate.pem\"", &format!("'{shown}'"));
    fs::write(&config, format!("[network]\n{mine}\n")).expect("written");
    assert_eq!(opening.set_up().ends_with(0).stderr, "");
    let text = fs::read_to_string(&config).expect("readable");
    assert!(text.contains(&format!("[network]\n{mine}\n")), "{text}");
    place.serve(Batch::realistic(1, 5));
    opening.collect().stays_silent();
    place.assert_siem_complete();

    // the collectors and a later setup name the same file
    fs::write(&config, text.replace(&mine, "")).expect("written");
    let path = config.display().to_string();
    let outcome = opening.collect().ends_with(75).says("not trusted");
    outcome.says(&format!("under [network] in {path} ({line})"));
    let outcome = opening.set_up().ends_with(75);
    outcome.says(&format!("under [network] in {path}: {line}, then"));
}

#[test]
fn a_discovery_on_the_internet_may_not_name_this_host() {
    let opening = Opening::start();
    let place = &opening.place;
    fs::write(place.path("ca.pem"), opening.authority.pem()).expect("written");
    fs::write(
        place.path("config.toml"),
        "[network]\nca_file = \"ca.pem\"\n",
    )
    .expect("written");
    let port = place.sandbox.url();
    for region in [&*port, "https://localhost", "http://[::1]:1"] {
        let before = place.requests().len();
        let hostile = Some(region.to_owned());
        place.set(|switches| switches.region_api = hostile);
        let outcome = opening.set_up().ends_with(76);
        outcome.says("Mimecast named an API host that is not allowed: a loopback host");
        let asked = place.requests().len() - before;
        assert_eq!(asked, 1, "P6: discovery alone, which holds no secret");
        assert!(!place.path("credentials.toml").exists());
    }
    let region = format!("https://{REGION}");
    place.set(|switches| switches.region_api = Some(region));
    opening.set_up().ends_with(0);
}

#[test]
fn a_configuration_of_the_network_alone_is_continued_and_survives() {
    let mine = format!("# mine\n{QUICK} # quick\nca_file = \"\"\n");
    let by_password = |place: &Installation| set_up(place);
    let by_token = |place: &Installation| {
        let mut command = given_by_token(place);
        let secret = place.sandbox.client().client_secret;
        command.env("MIMECAST_CLIENT_SECRET", secret);
        place.finish(command)
    };
    for setup in [&by_password as &dyn Fn(&Installation) -> Outcome, &by_token] {
        let place = Installation::unconnected();
        fs::write(place.path("config.toml"), &mine).expect("written");
        place.siem_says(78, "authentication_setup --config");
        setup(&place).ends_with(0);
        let text = fs::read_to_string(place.path("config.toml")).expect("readable");
        assert!(text.starts_with(&mine), "{text}");
        place.siem().stays_silent();
        place.audit().stays_silent();
    }
}

#[test]
fn blanks_and_placeholders_of_what_setup_fills_in_do_not_stop_it() {
    for text in [
        "",
        "[mimecast]\nbase_url = \"\"\n",
        "[mimecast]\nbase_url = \"<your region>\"\napp_id = \"TODO\"\n",
        "[folders]\ndata = \"\"\n",
    ] {
        let place = Installation::unconnected();
        fs::write(place.path("config.toml"), text).expect("written");
        set_up(&place).ends_with(0);
        assert_collects(&place);
    }
    let place = Installation::unconnected();
    fs::write(place.path("config.toml"), "[network]\nretries = 1\n").expect("written");
    let mut command = super::bare(&place);
    command.envs([
        ("MIMECAST_ACCESS_KEY", "x"),
        ("MIMECAST_SECRET_KEY", "eA=="),
    ]);
    let outcome = place.finish(command).ends_with(64);
    outcome
        .says("--data-dir, --app-id, --app-key-file (or MIMECAST_APP_KEY), --base-url or --email");
}

#[cfg(unix)]
#[test]
fn a_proxys_password_that_others_can_read_is_not_used() {
    let place = Installation::connected();
    let proxy = Proxy::start(Manner::Answer(""));
    let path = place.path("config.toml");
    let network = format!(
        "[network]\nproxy = \"http://user:canary@{}\"",
        proxy.address
    );
    place.configure(&network);
    let shown = path.display();
    let remedy = format!("chmod 600 {shown}");
    for mode in [0o640, 0o644] {
        set_mode(&path, mode);
        for outcome in [place.siem(), place.audit(), set_up(&place)] {
            let outcome = outcome.ends_with(78).says("is open to other users");
            assert!(!outcome.stderr.contains("canary"), "P6: {outcome:?}");
            outcome.says("the password of a proxy").says(&remedy);
        }
    }
    assert!(proxy.heads().is_empty() && place.requests().is_empty());
    let mut shell = place.command("/bin/sh");
    shell.args(["-c", &remedy]);
    assert!(shell.status().expect("it starts").success());
    place.siem().ends_with(75); // this proxy answers nothing, but it was asked
    assert!(!proxy.heads().is_empty());
}

#[test]
fn a_proxy_that_wants_a_password_is_a_matter_of_the_configuration() {
    let place = Installation::unconnected();
    let challenge = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
    let proxy = Proxy::start(Manner::Answer(challenge));
    let account = place.sandbox.account();
    let mut command = place.command(SETUP);
    command.arg("--no-input").arg("--config");
    command.arg(place.path("config.toml"));
    command.arg("--data-dir").arg(place.path("data"));
    command.args(["--email", account.email, "--app-id", account.app_id]);
    command.envs([("MIMECAST_PASSWORD", "x"), ("MIMECAST_APP_KEY", "x")]);
    command.env("HTTPS_PROXY", format!("http://{}", proxy.address));
    let outcome = place.finish(command).ends_with(78);
    outcome.says("the proxy requires a valid user name and password");
    assert_eq!(place.count(Endpoint::Discover), 0);
    assert!(!saved(&place));
}
