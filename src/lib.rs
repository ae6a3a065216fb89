//! Mimecast logs into files that a SIEM agent reads: nothing lost, nothing twice, never partial.
//!
//! Three programs share this library: `authentication_setup` connects an account once,
//! `siem_collection` and `audit_collection` run every 30 minutes. One run of a collector:
//!
//! ```text
//! config ─▶ call (sign ─▶ send ─▶ answer ─▶ retry) ─▶ decode ─▶ batch
//!        ─▶ stage (write, sync) ─▶ commit (position + moves, one replacement) ─▶ publish (rename)
//!        ─▶ prune ─▶ report ─▶ exit code
//! ```
//!
//! Two borders are a folder each, and what lies between them is pure or a stream:
//!
//! | module | is about |
//! |---|---|
//! | [`api`] | everything that speaks Mimecast: signing, answers, repetition; never the disk |
//! | [`spool`], [`durable`] | what is kept on disk and the order in which it changes; never Mimecast |
//! | [`siem`], [`audit`] | what to ask next, and what an answer holds |
//! | [`archive`] | container to members, under limits |
//! | [`config`], [`credentials`] | what the operator decided, typed and checked |
//! | [`run`], [`report`], [`failure`], [`clock`] | the frame of a run: arguments, log, lock, time, exit code |
//! | [`setup`] | the questions and the first connection |
//!
//! The promises, in this order: nothing is lost, nothing is published twice, no published file is
//! ever partial or changed, no input stops collection for longer than its own batch, one writer per
//! stream, no secret escapes, and the operator knows. `ARCHITECTURE.md` says how each is kept.

mod access;
pub mod api;
pub mod archive;
pub mod audit;
pub mod clock;
pub mod config;
pub mod credentials;
mod document;
pub mod durable;
pub mod failure;
#[cfg(fuzzing)]
pub mod fuzzing;
mod prefetch;
pub mod report;
pub mod run;
mod scan;
pub mod setup;
pub mod siem;
pub mod spool;
