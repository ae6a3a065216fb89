//! Tests of this folder's promises, with an interruption at every possible point.

mod agent;
mod damage;
mod errors;
mod histories;
mod journal;
mod kills;
mod owners;
mod places;
mod planted_mistakes;
mod resumed;
mod simulation;
mod times;
mod windows;
