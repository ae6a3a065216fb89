//! The promises of this folder, each tried at every point where a run can be interrupted.

mod agent;
mod damage;
mod errors;
mod histories;
mod journal;
mod kills;
mod owners;
mod places;
mod resumed;
mod teeth;
mod times;
mod windows;
mod world;
