//! Tests of destinations.
