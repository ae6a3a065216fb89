//! Random histories: runs that collect and deliver to two destinations, with faults of the far ends and of the disk,
//! kills and power cuts. `HISTORIES=1000000 cargo test --release --lib whatever_happens` tries that many.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use super::world::{Mood, NAMES, World, is_poison};
use crate::durable::model::Fault;

const USUAL: u64 = 300;

const MOODS: [Mood; 9] = [
    Mood::Takes,
    Mood::TellsEach,
    Mood::TakesHalf,
    Mood::TakesAndBreaks,
    Mood::Breaks,
    Mood::IsAway,
    Mood::Denies,
    Mood::RefusesAll,
    Mood::TakesFew(40),
];

type Batches = Vec<Vec<Vec<String>>>;

/// Adds a batch of up to three files with up to six lines. Some lines are equal, and some are poison.
fn add_batch(batches: &mut Batches, random: &mut fastrand::Rng) {
    let at = batches.len();
    let files = (0..random.usize(1..4)).map(|file| {
        let lines = (0..random.usize(1..7)).map(|line| match random.u32(0..12) {
            0 => format!("batch={at}|file={file}|poison={line}"),
            _ => format!("batch={at}|file={file}|line={line}"),
        });
        lines.collect()
    });
    batches.push(files.collect());
}

/// One run. Returns false if it was killed.
fn run(world: &mut World, batches: &Batches, fault: Option<Fault>) -> bool {
    world.model.plan(fault);
    let _ = world.collect(batches);
    for place in 0..NAMES.len() {
        let _ = world.deliver(place);
    }
    !world.model.crashed()
}

fn random_history(seed: u64) -> (World, Batches, Vec<String>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut world, mut batches, mut story) = (World::new(), Batches::new(), Vec::new());
    for _ in 0..random.usize(2..8) {
        world.now += 1_800;
        (0..random.usize(0..3)).for_each(|_| add_batch(&mut batches, &mut random));
        for (place, name) in NAMES.iter().enumerate() {
            let moods: Vec<Mood> = (0..random.usize(0..5))
                .map(|_| *random.choice(&MOODS).unwrap())
                .collect();
            story.push(format!("{name} {moods:?}"));
            world.set_moods(place, &moods);
        }
        let fault = match random.u32(0..5) {
            0 | 1 => Some(Fault::StopAtChange(random.u64(0..120))),
            2 => Some(Fault::FailCall(random.u64(0..250), ErrorKind::StorageFull)),
            _ => None,
        };
        story.push(format!("{} batches, {fault:?}", batches.len()));
        let is_alive = run(&mut world, &batches, fault);
        story.push(format!(
            "got: {:?}",
            NAMES.map(|name| world.ends.borrow()[name].got.len())
        ));
        if !is_alive || random.u32(0..6) == 0 {
            let is_cut = random.bool();
            story.push(format!("dead, power cut: {is_cut}"));
            world.model = match is_cut {
                true => world.model.reboot(random.u64(..)),
                false => world.model.killed(),
            };
        }
    }
    story.push(format!("told: {:?}", world.told));
    (world, batches, story)
}

/// Returns what is wrong after runs without faults.
fn findings(world: &mut World, batches: &Batches, story: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    // a line at the very end proves that poison before it is at fault
    let mut batches = batches.clone();
    batches.push(vec![vec!["the last line".to_owned()]]);
    for _ in 0..2 {
        world.now += 1_800;
        world.model.plan(None);
        (0..NAMES.len()).for_each(|place| world.set_moods(place, &[]));
        if let Err(error) = world.collect(&batches) {
            wrong.push(format!("a clean run cannot collect: {error}"));
        }
        for place in 0..NAMES.len() {
            if let Err(failure) = world.deliver(place) {
                wrong.push(format!("a clean run cannot deliver: {failure}"));
            }
        }
    }
    let is_fickle = story.iter().any(|step| step.contains("RefusesAll"));
    for (place, name) in NAMES.into_iter().enumerate() {
        let got = world.end(place).got;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        got.iter()
            .for_each(|line| *counts.entry(line).or_default() += 1);
        let quarantined = world.quarantined(place);
        let is_told = world.told.iter().any(|told| {
            told.contains(name) && told.contains("twice") || told.contains("collected again")
        });
        for line in batches.iter().flatten().flatten() {
            let count = counts.get(&**line).copied().unwrap_or(0);
            match (is_poison(line), count) {
                (true, 0) if quarantined.contains(line) => {}
                (true, _) => wrong.push(format!("{name}: {line}: {count} times")),
                // refused alone, and again after another was taken
                (false, 0) if is_fickle && quarantined.contains(line) => {}
                (false, 0) => wrong.push(format!("{name}: lost {line}")),
                (false, 1) => {}
                (false, _) if is_told => {}
                (false, _) => wrong.push(format!("{name}: repeated {line} in silence")),
            }
        }
        if !is_fickle && quarantined.iter().any(|line| !is_poison(line)) {
            wrong.push(format!("{name}: quarantined a good line"));
        }
        if world.waiting(place) > 0 {
            wrong.push(format!("{name}: files are left over"));
        }
        // a line that was refused for a moment arrives behind the line that proved it
        let moved = out_of_order(&got, &batches).filter(|_| !is_fickle);
        wrong.extend(moved.map(|line| format!("out of order: {line}")));
    }
    wrong
}

/// Returns the first line that arrived for the first time before one of an earlier batch.
fn out_of_order(got: &[String], batches: &Batches) -> Option<String> {
    let place = |line: &String| {
        batches
            .iter()
            .position(|files| files.iter().flatten().any(|known| known == line))
    };
    let mut newest = None;
    let mut seen = std::collections::BTreeSet::new();
    for line in got.iter().filter(|line| seen.insert((*line).clone())) {
        if place(line) < newest {
            return Some(line.clone());
        }
        newest = newest.max(place(line));
    }
    None
}

#[test]
fn whatever_happens_each_destination_gets_each_event() {
    let count = std::env::var("HISTORIES").ok();
    let count = count.and_then(|text| text.parse().ok()).unwrap_or(USUAL);
    let mut repeated = 0;
    for seed in 0..count {
        let (mut world, batches, story) = random_history(seed);
        let wrong = findings(&mut world, &batches, &story);
        assert!(wrong.is_empty(), "history {seed}: {story:#?}\n{wrong:#?}");
        repeated += u64::from(world.told.iter().any(|told| told.contains("twice")));
    }
    assert!(
        repeated > 0 || count == 0,
        "no history had an unclear answer"
    );
}
