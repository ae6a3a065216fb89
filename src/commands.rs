//! What the programs do, a file each.

pub mod collect;
pub mod setup;
