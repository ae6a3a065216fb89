//! Collects Mimecast logs into files that a SIEM agent reads: each event once, in complete files.
//!
//! Three programs share this library. `authentication_setup` connects an account once.
//! `siem_collection` and `audit_collection` run every 30 minutes. One run of a collector:
//!
//! ```text
//! config ─▶ call (sign ─▶ send ─▶ answer ─▶ retry) ─▶ decode ─▶ batch
//!        ─▶ stage (write, sync) ─▶ commit (position + moves, one replacement) ─▶ publish (rename)
//!        ─▶ prune ─▶ report ─▶ exit code
//! ```
//!
//! A module imports only from the lines below its own, or from modules after it on its line:
//!
//! | modules | what they do |
//! |---|---|
//! | `commands` | run each program |
//! | `run` | frame the process: arguments, log, output |
//! | `monitor`, `history` | show how a collector is doing, from the state and the ledger |
//! | `delivery` | send the committed files to destinations |
//! | `siem`, `windowed` | decide what to fetch next, and read the answers |
//! | `collect` | take the locks, then drain stream after stream, batch after batch |
//! | `report`, `failure` | say what happened and who has to act |
//! | `api` | talk to Mimecast: sign, read answers, retry; never touch the disk |
//! | `spool` | change the state and the files in a safe order; never talk to Mimecast |
//! | `credentials`, `config` | read the operator's decisions, typed and checked |
//! | `archive`, `event_time`, `json`, `pickle` | read foreign bytes under limits |
//! | `durable`, `permissions`, `clock`, `logs` | wrap the disk and the time, and list the logs |
//!
//! The promises, in this order: nothing is lost, and nothing is published twice. A published file is
//! complete and never changes. A bad input delays only its own batch. Each stream has one writer. No
//! secret escapes. The operator learns of every trouble. `ARCHITECTURE.md` describes how.

mod api;
mod archive;
mod clock;
mod collect;
mod commands;
mod config;
mod credentials;
mod delivery;
mod durable;
mod event_time;
mod failure;
#[cfg(fuzzing)]
pub mod fuzzing;
mod history;
mod json;
mod logs;
mod monitor;
mod permissions;
mod pickle;
mod report;
mod run;
mod siem;
mod spool;
mod windowed;

pub use commands::collector::{audit as audit_collection, siem as siem_collection};
pub use commands::setup::run as authentication_setup;
