//! The work of each program, one file for the collectors and one for the setup.

mod agent_config;
mod check;
mod collect;
pub mod collector;
mod deliver;
mod describe;
mod dry_run;
mod ending;
mod history;
mod prepare;
mod replay;
mod resend;
mod schedule;
pub mod setup;
mod status;
mod trial;
mod verify;
