//! The troubles that typed commands rehearse, and the data that arrives meanwhile.

use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use mimecast_sandbox::{
    AuditEvent, Batch, CG_TYPES, Endpoint, Object, Sandbox, ZipEntry, ZipFile, changes,
};

const HELP: &str = "\
outage SECONDS   answer 503 for so long
limit            answer the next call with 429
expire           the credentials have expired: 418 (API 1.0), 401 (API 2.0)
permission       the account lacks the permissions for all logs: 403
renew            after expire or permission: all is well again
token            API 2.0: all tokens have expired: 401
addresses        API 2.0: all addresses of objects have lapsed: 403
corrupt          damage the next SIEM archive, or the next object, on its way
rot              one more archive and object that are damaged for good
gap              the logs after the collector's position are gone
more             one more batch, its objects and some audit events, now
help             this list
quit             stop (so does Ctrl-C)";

/// The beginning of each gzip file.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

/// More batches than any rehearsal serves.
const KEPT_MOST: usize = 1 << 30;

/// Audit events that come with each new batch.
const AUDIT_EVENTS: u64 = 5;

/// The sandbox and what a typed command can do to it.
pub(crate) struct Rehearsal {
    pub(crate) sandbox: Sandbox,
    events: usize,
    batches: u64,
    audited: u64,
    /// Shared with the standing change that makes the outage.
    outage_until: Arc<Mutex<Instant>>,
    /// True if the next call is to be refused. Shared with the same change.
    limit_next: Arc<AtomicBool>,
}

impl Rehearsal {
    pub(crate) fn new(sandbox: Sandbox, events: usize) -> Self {
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

    /// Serves what waits at the start: batches, and audit events spread over the last day.
    pub(crate) fn prepare(&mut self, batches: u64) {
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

    /// Serves one new batch, its objects and some audit events.
    pub(crate) fn more(&mut self) {
        self.batch();
        let numbers = self.audited..self.audited + AUDIT_EVENTS;
        let now = Utc::now();
        self.sandbox
            .audit(numbers.map(|number| AuditEvent::realistic(number, now)));
        self.audited += AUDIT_EVENTS;
    }

    /// Carries out a typed command. `Break` stops the sandbox.
    pub(crate) fn obey(&mut self, line: &str) -> io::Result<ControlFlow<()>> {
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
                self.sandbox.set(|switches| {
                    switches.revoked = true;
                    switches.wrong_client_secret = true;
                });
                self.sandbox.expire_tokens();
                "the access key and the client secret have expired; type renew".to_owned()
            }
            ["renew"] => {
                self.sandbox.set(|switches| {
                    switches.revoked = false;
                    switches.wrong_client_secret = false;
                    switches.forbid.clear();
                });
                "keys, secret and permissions are valid again".to_owned()
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
            ["permission"] => {
                let logs = [
                    Endpoint::Siem,
                    Endpoint::Events,
                    Endpoint::EventsCi,
                    Endpoint::Audit,
                ];
                self.sandbox.set(|switches| switches.forbid.extend(logs));
                "the account lacks the permissions for all logs; type renew".to_owned()
            }
            ["rot"] => {
                self.rot();
                "one archive and one object are damaged, the same each time".to_owned()
            }
            ["gap"] => {
                self.gap();
                "the logs after the collector's position are gone; newer ones wait".to_owned()
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

    /// Serves an archive and an object whose bytes are damaged in the same way each time.
    fn rot(&self) {
        let mut entry = ZipEntry::new("receipt_rotten.siem", b"made=up\n".repeat(20));
        entry.declared_crc = Some(0);
        let archive = ZipFile::new([entry]).bytes();
        self.sandbox.serve(Batch::raw(archive));
        let object = [&GZIP_HEAD[..], &[0xff; 64]].concat();
        self.sandbox.serve_objects(CG_TYPES[0], Object::raw(object));
    }

    /// Deletes all logs, also one batch that nobody has fetched, and serves a newer batch.
    fn gap(&mut self) {
        self.batch();
        self.sandbox.purge(KEPT_MOST);
        for log_type in CG_TYPES {
            self.sandbox.purge_objects(log_type, KEPT_MOST);
        }
        self.batch();
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
