//! Tests of this folder's promises, with an interruption at every possible point.

mod agent;
mod damage;
mod errors;
mod histories;
mod interference;
mod journal;
mod kills;
mod one_file;
mod owners;
mod planted_mistakes;
mod pruning;
mod publishing;
mod resumed;
mod simulation;
mod times;
mod windows;
