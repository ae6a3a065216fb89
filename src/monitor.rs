//! How a collector is doing, for people and for monitoring systems.
//!
//! [`Overview`] is read from the state records and the ledger, without a lock and without a change. The
//! other modules show it: as a table, as a page, as metrics.

mod overview;
mod table;
mod words;

pub use overview::{Overview, Watched};
pub use table::{history, status};
