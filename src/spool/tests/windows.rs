//! Tests of the audit stream: overlapping windows, late events and remembered ids.

use std::io::{self, Write as _};

use super::histories::numbers;
use super::simulation::{PUBLISHED, START, Simulation, written};
use crate::durable::model::Fault;
use crate::spool::{Digest, Extension, SpoolError};

const STEP: i64 = 1_800;
const OVERLAP: i64 = 3_600;
const DAY: i64 = 86_400;
const RUNS: usize = 5;
const EVENTS: i64 = 24;
/// The number of histories in a usual test run.
const USUAL: u64 = 400;

/// An event, and the time from which the service shows it. The delay is always shorter than an overlap.
#[derive(Clone, Debug)]
struct Event {
    time: i64,
    shown: i64,
    line: String,
}

/// Returns events over the time of all runs, always two in the same second.
fn events(seed: u64) -> Vec<Event> {
    let mut random = fastrand::Rng::with_seed(seed);
    let span = STEP * i64::try_from(RUNS).unwrap();
    let events = (0..EVENTS).map(|number| {
        let time = START - STEP + number / 2 * 2 * span / EVENTS;
        let late = random.i64(0..OVERLAP - 60);
        Event {
            time,
            shown: time + late,
            line: format!("time={time}|number={number}\n"),
        }
    });
    events.collect()
}

fn audit() -> Simulation {
    let mut simulation = Simulation::new(0);
    simulation.stream = "audit";
    simulation
}

/// Runs once, over windows that end a minute ago.
fn collect(simulation: &Simulation, events: &[Event]) -> Result<(), SpoolError> {
    let (mut spool, _) = simulation.open()?;
    let mut from = spool
        .position()
        .map_or(START - DAY, |end| end.parse().unwrap());
    while from < simulation.now - 60 {
        let to = (simulation.now - 60).min(from + DAY);
        let mut newest_first: Vec<&Event> = events
            .iter()
            .filter(|event| {
                (from - OVERLAP..=to).contains(&event.time) && event.shown <= simulation.now
            })
            .collect();
        newest_first.sort_by_key(|event| std::cmp::Reverse(event.time));
        let (mut lines, mut ids) = (Vec::new(), Vec::new());
        for event in newest_first {
            let id = Digest::of(event.line.as_bytes());
            if !spool.has_seen(id)? {
                lines.push(event.line.as_bytes());
                ids.push(id);
            }
        }
        let mut batch = spool.batch(simulation.time());
        let mut part = io::BufWriter::new(batch.part()?);
        for line in lines.into_iter().rev() {
            part.write_all(line).map_err(written)?;
        }
        let part = part
            .into_inner()
            .map_err(|error| written(error.into_error()))?;
        batch.add(part, &format!("audit_log_{from}_{to}"), Extension::Log)?;
        batch.remember(ids);
        spool.commit(batch, Some(to.to_string()), simulation.time())?;
        from = to;
    }
    spool.finish(simulation.time(), &[])
}

/// Completes the remaining runs without a fault, until every event was shown. Returns the complaints.
fn complete(simulation: &mut Simulation, events: &[Event]) -> Vec<String> {
    simulation.model.plan(None);
    let end = START + STEP * i64::try_from(RUNS + 3).unwrap();
    let end = end.max(simulation.now + STEP);
    while simulation.now < end {
        collect(simulation, events).unwrap();
        simulation.look();
        simulation.now += STEP;
    }
    simulation.cut_power(0);
    simulation.findings(events.iter().map(|event| event.line.clone()))
}

#[test]
fn late_events_are_neither_lost_nor_repeated() {
    let (mut simulation, events) = (audit(), events(7));
    let wrong = complete(&mut simulation, &events);
    assert!(wrong.is_empty(), "{wrong:#?}");
    for content in simulation.model.files(PUBLISHED.as_ref()).values() {
        let text = std::str::from_utf8(content).unwrap();
        assert!(
            text.lines()
                .map(|line| line.split_once('|').unwrap().0)
                .is_sorted(),
            "{text}"
        );
    }
}

#[test]
fn an_audit_run_stopped_at_any_step_loses_and_repeats_nothing() {
    let events = events(7);
    let mut beginning = audit();
    for run in 0..RUNS {
        for step in 0.. {
            let simulation = beginning.fork();
            simulation.model.plan(Some(Fault::StopAtChange(step)));
            let _ = collect(&simulation, &events);
            if !simulation.model.crashed() {
                break;
            }
            for cut in [None, Some(0), Some(1), Some(3 + step)] {
                let mut simulation = simulation.fork();
                match cut {
                    None => simulation.kill(),
                    Some(seed) => simulation.cut_power(seed),
                }
                // half of the next runs come at their usual time, with another window
                simulation.now += i64::from(step % 2 == 0) * STEP;
                let wrong = complete(&mut simulation, &events);
                assert!(
                    wrong.is_empty(),
                    "run {run}, step {step}, {cut:?}: {wrong:#?}"
                );
            }
        }
        collect(&beginning, &events).unwrap();
        beginning.look();
        beginning.now += STEP;
    }
}

/// Runs once with a random fault, and then moves the time.
fn run_with_random_fault(
    simulation: &mut Simulation,
    events: &[Event],
    random: &mut fastrand::Rng,
) {
    let fault = match random.u32(0..4) {
        0 => None,
        1 => Some(Fault::FailCall(
            random.u64(0..60),
            io::ErrorKind::StorageFull,
        )),
        _ => Some(Fault::StopAtChange(random.u64(0..40))),
    };
    simulation.model.plan(fault);
    let _ = collect(simulation, events);
    if simulation.model.crashed() && random.bool() {
        simulation.kill();
    } else if simulation.model.crashed() || random.u32(0..8) == 0 {
        simulation.cut_power(random.u64(..));
    } else {
        simulation.model.plan(None);
        simulation.look();
    }
    simulation.now += random.i64(0..3) * STEP / 2;
}

#[test]
fn whatever_happens_every_audit_event_is_published_once() {
    for seed in numbers(USUAL) {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut simulation, events) = (audit(), events(seed));
        for _ in 0..random.usize(1..2 * RUNS) {
            run_with_random_fault(&mut simulation, &events, &mut random);
        }
        let wrong = complete(&mut simulation, &events);
        assert!(wrong.is_empty(), "history {seed}: {wrong:#?}");
    }
}

#[test]
fn losing_the_state_file_of_a_finished_run_repeats_no_event() {
    let (mut simulation, events) = (audit(), events(7));
    for _ in 0..RUNS {
        collect(&simulation, &events).unwrap();
        simulation.look();
        simulation.now += STEP;
        simulation.model.tamper("/state/audit.state".as_ref(), None);
    }
    let wrong = complete(&mut simulation, &events);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
