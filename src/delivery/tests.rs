//! Tests of the engine: a far end that answers as it is told, on a model disk.

mod histories;
mod verdicts;
mod world;
