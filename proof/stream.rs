//! A collector with work to do, and what has to be true of it afterwards.

use std::fs;
use std::path::Path;
use std::process::Command;

use chrono::{TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

use crate::harness::{AUDIT, Installation, Outcome, SIEM};
use mimecast_sandbox::{AuditEvent, Batch, Member, Object, Record};

/// A stream of one of the API generations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Siem1,
    Siem2,
    Audit1,
    Audit2,
}

impl Stream {
    pub(crate) const ALL: [Self; 4] = [Self::Siem1, Self::Siem2, Self::Audit1, Self::Audit2];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Siem1 => "siem 1.0",
            Self::Siem2 => "siem 2.0",
            Self::Audit1 => "audit 1.0",
            Self::Audit2 => "audit 2.0",
        }
    }

    pub(crate) const fn program(self) -> &'static str {
        match self {
            Self::Siem1 | Self::Siem2 => SIEM,
            Self::Audit1 | Self::Audit2 => AUDIT,
        }
    }

    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Siem1 | Self::Siem2 => "mta",
            Self::Audit1 | Self::Audit2 => "audit",
        }
    }

    /// An installation that has run once, and new work since then. What is asked for twice is never
    /// answered with the same bytes twice, so that a repetition cannot hide behind equal names.
    pub(crate) fn set(self) -> Installation {
        self.set_in(&std::env::temp_dir())
    }

    /// The same below that folder.
    pub(crate) fn set_in(self, folder: &Path) -> Installation {
        let place = Installation::connected_in(folder);
        if matches!(self, Self::Siem2 | Self::Audit2) {
            place.configure_tokens("");
        }
        let json = "[audit]\nformat = \"json\"";
        match self {
            Self::Audit1 => place.configure(json),
            Self::Audit2 => place.configure_tokens(json),
            Self::Siem1 | Self::Siem2 => {}
        }
        place.set(|switches| switches.replays_differ = true);
        self.serve(&place, 0);
        self.run(&place).stays_silent();
        for part in 1..4 {
            self.serve(&place, part);
        }
        place
    }

    /// Runs the collector to its end.
    pub(crate) fn run(self, place: &Installation) -> Outcome {
        place.finish(self.command(place))
    }

    /// The collector, ready to be started.
    pub(crate) fn command(self, place: &Installation) -> Command {
        let mut command = place.command(self.program());
        self.arm(place, &mut command);
        command
    }

    /// Gives a command the collector's arguments, and one certificate instead of the platform's
    /// hundreds: reading those is most of what a short run does.
    pub(crate) fn arm(self, place: &Installation, command: &mut Command) {
        let authority = place.path("authority.pem");
        if !authority.exists() {
            let made = rcgen::generate_simple_self_signed(["authority.example.com".to_owned()]);
            fs::write(&authority, made.expect("a certificate").cert.pem()).expect("written");
        }
        command.env("SSL_CERT_FILE", authority);
        command.arg("--config").arg(place.path("config.toml"));
    }

    /// More work; each `part` brings other events.
    pub(crate) fn serve(self, place: &Installation, part: u64) {
        match self {
            Self::Siem1 => {
                let members = ["receipt", "ttp_url"].map(|kind| {
                    let numbers = 0..3;
                    let records =
                        numbers.map(|number| Record::realistic(kind, part, number, Utc::now()));
                    Member::new(kind, &format!("2026112000000{part:04}"), records.collect())
                });
                place.serve(Batch::records(members.into()));
            }
            Self::Siem2 => {
                let objects = [0, 1].map(|half| Object::realistic(part * 2 + half, 3));
                let kind = ["receipt", "url protect"][part as usize % 2];
                place.serve_objects(kind, objects);
            }
            Self::Audit1 | Self::Audit2 => {
                // of the last two hours: within what an overlap of 60 minutes asks for again, and beyond
                let events = (0..6).map(|index| {
                    let age = TimeDelta::minutes(2 + index * 20);
                    AuditEvent::realistic(part * 6 + index as u64, Utc::now() - age)
                });
                // later parts are of the last half hour only: older ones would be later than the overlap
                let kept = if part == 0 { 6 } else { 3 };
                place.serve_events(events.take(kept));
            }
        }
    }

    /// P1 to P3: what the service had is published, once; each file is what its name says.
    pub(crate) fn assert_complete(self, place: &Installation) {
        self.assert_whole(place);
        match self {
            Self::Siem1 => place.assert_siem_complete(),
            Self::Siem2 => place.assert_objects_complete(),
            Self::Audit1 | Self::Audit2 => place.assert_audit_complete(),
        }
    }

    /// P3 at any moment: a published file holds what its name promises.
    pub(crate) fn assert_whole(self, place: &Installation) {
        for (name, content) in place.files(self.folder()) {
            let digest = format!("_{}.", &hex(&Sha256::digest(&content))[..16]);
            assert!(name.contains(&digest), "P3: {name} is not what it says");
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
