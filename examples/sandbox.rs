//! The simulator of Mimecast's APIs 1.0 and 2.0 alone, to rehearse the wizard, cron, agents and outages without an account.
//!
//! ```text
//! cargo run --release --example sandbox
//! ```
//!
//! It prints what to type in a second terminal, and then one line per request. Typed commands rehearse trouble.

#![allow(
    clippy::disallowed_methods,
    reason = "the collector's one clock is not for a simulator that runs beside it"
)]

use std::io::{self, BufRead as _, Write as _};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use clap::Parser;

use mimecast_sandbox::{AuditEvent, Batch, CG_TYPES, Endpoint, Object, Sandbox, Seen, changes};

/// Simulates Mimecast's APIs 1.0 and 2.0 on a loopback port.
#[derive(Parser)]
struct Arguments {
    /// Port to listen on
    #[arg(long, default_value_t = 8425)]
    port: u16,
    /// Seconds between two new SIEM batches, each with the objects of API 2.0 and some audit events
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// SIEM batches that wait at the start
    #[arg(long, default_value_t = 3)]
    batches: u64,
    /// Events in each batch and in the objects beside it; as many audit events of the last day wait at the start
    #[arg(long, default_value_t = 200)]
    events: usize,
}

const HELP: &str = "\
outage SECONDS   answer 503 for so long
limit            answer the next call with 429
expire           API 1.0: the access key has expired: 418
renew            API 1.0: it is valid again
token            API 2.0: all tokens have expired: 401
addresses        API 2.0: all addresses of objects have lapsed: 403
corrupt          damage the next SIEM archive, or the next object
more             one more batch, its objects and some audit events, now
help             this list
quit             stop (so does Ctrl-C)";

/// Audit events that come with each new batch.
const AUDIT_EVENTS: u64 = 5;

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let sandbox = Sandbox::start_on(&format!("127.0.0.1:{}", arguments.port))?;
    // They are shown with the request instead of at the end.
    sandbox.allow_complaints();
    // what is fetched twice has its lines in another order, so that a repetition shows
    sandbox.set(|switches| switches.replays_differ = true);
    sandbox.watch(show);
    let mut rehearsal = Rehearsal::new(sandbox, arguments.events);
    rehearsal.prepare(arguments.batches);
    introduce(&rehearsal.sandbox)?;

    let every = Duration::from_secs(arguments.every);
    let commands = typed_lines();
    let mut due = Instant::now() + every;
    loop {
        match wait(&commands, due.saturating_duration_since(Instant::now())) {
            Some(command) => {
                if rehearsal.obey(&command)?.is_break() {
                    return Ok(());
                }
            }
            None => {
                rehearsal.more();
                due = Instant::now() + every;
            }
        }
    }
}

/// The sandbox and what a typed command can do to it.
struct Rehearsal {
    sandbox: Sandbox,
    events: usize,
    batches: u64,
    audited: u64,
    /// Shared with the standing change that makes the outage.
    outage_until: Arc<Mutex<Instant>>,
    /// The same for one refusal, which whatever call comes next takes.
    limit_next: Arc<AtomicBool>,
}

impl Rehearsal {
    fn new(sandbox: Sandbox, events: usize) -> Self {
        let outage_until = Arc::new(Mutex::new(Instant::now()));
        let limit_next = Arc::new(AtomicBool::new(false));
        for endpoint in Endpoint::ALL {
            let until = Arc::clone(&outage_until);
            let limit_next = Arc::clone(&limit_next);
            sandbox.always(endpoint, move |reply| {
                if Instant::now() < *until.lock().unwrap_or_else(PoisonError::into_inner) {
                    changes::status(503)(reply);
                } else if endpoint != Endpoint::Object && limit_next.swap(false, Ordering::Relaxed)
                {
                    // The object store has no such limit.
                    changes::throttled(Some(3000), None)(reply);
                }
            });
        }
        Self {
            sandbox,
            events,
            batches: 0,
            audited: 0,
            outage_until,
            limit_next,
        }
    }

    /// What waits at the start: batches, and audit events spread over the last day.
    fn prepare(&mut self, batches: u64) {
        for _ in 0..batches {
            self.batch();
        }
        let count = self.events as i32;
        let now = Utc::now();
        let events = (0..count).map(|number| {
            let age = TimeDelta::minutes(24 * 60 - 5) * (count - number) / count;
            AuditEvent::realistic(number as u64, now - age)
        });
        self.sandbox.audit(events);
        self.audited = self.events as u64;
    }

    /// One new batch, its objects and some audit events.
    fn more(&mut self) {
        self.batch();
        let numbers = self.audited..self.audited + AUDIT_EVENTS;
        let now = Utc::now();
        self.sandbox
            .audit(numbers.map(|number| AuditEvent::realistic(number, now)));
        self.audited += AUDIT_EVENTS;
    }

    fn batch(&mut self) {
        // The batch's number makes the file's time unique, also when several are made within one second.
        let time = Utc::now() + TimeDelta::milliseconds((self.batches % 1000) as i64);
        self.sandbox
            .serve(Batch::realistic_at(self.batches, self.events, time));
        let events = self.events.div_ceil(CG_TYPES.len());
        for log_type in CG_TYPES {
            let object = Object::realistic_at(self.batches, events, time);
            self.sandbox.serve_objects(log_type, object);
        }
        self.batches += 1;
    }

    fn obey(&mut self, line: &str) -> io::Result<ControlFlow<()>> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let done = match words[..] {
            [] => return Ok(ControlFlow::Continue(())),
            ["quit"] => return Ok(ControlFlow::Break(())),
            ["outage", seconds] => match seconds.parse::<u32>() {
                Ok(seconds) => self.outage(seconds),
                Err(_) => "outage needs a number of seconds".to_owned(),
            },
            ["limit"] => {
                self.limit_next.store(true, Ordering::Relaxed);
                "the next call is answered with 429, to come back in 3 s".to_owned()
            }
            ["expire"] => {
                self.sandbox.set(|switches| switches.revoked = true);
                "the access key has expired; renew it, or run authentication_setup again".to_owned()
            }
            ["renew"] => {
                self.sandbox.set(|switches| switches.revoked = false);
                "the access key is valid again".to_owned()
            }
            ["token"] => {
                self.sandbox.expire_tokens();
                "all tokens have expired; the next run asks for a new one".to_owned()
            }
            ["addresses"] => {
                self.sandbox.expire_addresses();
                "all addresses of objects have lapsed; listing again gives new ones".to_owned()
            }
            ["corrupt"] => {
                self.sandbox.next(Endpoint::Siem, changes::corrupt());
                self.sandbox.next(Endpoint::Object, changes::corrupt());
                "the next SIEM archive is damaged on its way, and the next object too".to_owned()
            }
            ["more"] => {
                self.more();
                format!(
                    "{} events in one batch and in ten objects, and {AUDIT_EVENTS} audit events",
                    self.events
                )
            }
            ["help"] => HELP.to_owned(),
            _ => format!("not a command: {line}\n{HELP}"),
        };
        writeln!(io::stdout(), "{done}")?;
        Ok(ControlFlow::Continue(()))
    }

    fn outage(&self, seconds: u32) -> String {
        let until = Instant::now() + Duration::from_secs(seconds.into());
        *self
            .outage_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = until;
        format!("every call is answered with 503 for {seconds} s")
    }
}

/// One line per request.
fn show(seen: &Seen) {
    let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
    let log_type = query.split('&').find(|pair| pair.starts_with("type="));
    let time = Utc::now().format("%H:%M:%S");
    let mut line = format!(
        "{time}Z  {path} {}  {}",
        log_type.unwrap_or_default(),
        seen.status
    );
    for complaint in &seen.complaints {
        line.push_str("  ! ");
        line.push_str(complaint);
    }
    // A closed terminal is no reason to stop answering.
    let _ = writeln!(io::stdout(), "{line}");
}

/// Says what to type in a second terminal.
fn introduce(sandbox: &Sandbox) -> io::Result<()> {
    let account = sandbox.account();
    let url = sandbox.url();
    let (email, password) = (account.email, account.password);
    let (app_id, app_key) = (account.app_id, account.app_key);
    let client = sandbox.client();
    let (client_id, client_secret) = (client.client_id, client.client_secret);
    writeln!(
        io::stdout(),
        "\
The sandbox listens on {url}. Everything in it is made up.

  API 1.0    E-mail address    {email}
             Password          {password}
             Application id    {app_id}
             Application key   {app_key}
  API 2.0    Client id         {client_id}
             Client secret     {client_secret}

In a second terminal, the setup with questions. For API 2.0, and for API 1.0:

  authentication_setup --config ./rehearsal/config.toml --data-dir ./rehearsal/data --base-url {url}
  authentication_setup --config ./rehearsal/config.toml --data-dir ./rehearsal/data --discovery-url {url}

or without questions. For API 1.0, and for API 2.0:

  MIMECAST_PASSWORD='{password}' MIMECAST_APP_KEY='{app_key}' authentication_setup --no-input --data-dir ./rehearsal/data --config ./rehearsal/config.toml --email {email} --app-id {app_id} --discovery-url {url}
  MIMECAST_CLIENT_SECRET='{client_secret}' authentication_setup --no-input --api 2.0 --client-id {client_id} --base-url {url} --data-dir ./rehearsal/data --config ./rehearsal/config.toml

and then, as often as you like:

  siem_collection --config ./rehearsal/config.toml
  audit_collection --config ./rehearsal/config.toml

Type help and Enter for the troubles that can be rehearsed. Requests:
"
    )
}

/// The lines typed on standard input; its end is not ours.
fn typed_lines() -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The next typed line, or `None` when `pause` is over.
fn wait(commands: &Receiver<String>, pause: Duration) -> Option<String> {
    let started = Instant::now();
    match commands.recv_timeout(pause) {
        Ok(command) => Some(command),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => {
            // Standard input has ended: only the interval is left.
            thread::sleep(pause.saturating_sub(started.elapsed()));
            None
        }
    }
}
