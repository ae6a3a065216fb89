//! The work of each program, one file for the collectors and one for the setup.

pub mod collect;
pub mod setup;
