//! What each answer of a far end leads to, one after another.

use super::world::{Mood, World};
use crate::failure::Code;

fn files(lines: &[&str]) -> Vec<Vec<Vec<String>>> {
    vec![vec![lines.iter().map(ToString::to_string).collect()]]
}

#[test]
fn an_answer_decides_what_is_sent_again_and_how_the_run_ends() {
    use Mood::{
        Breaks, Denies, IsAway, RefusesAll, Takes, TakesAndBreaks, TakesFew, TakesHalf, TellsEach,
    };
    let good = ["a", "b", "c", "d"];
    let bad = ["a", "poison", "c", "d"];
    // lines, moods, code of the run, what arrived in it, files left, quarantined
    type Row<'a> = (
        &'a [&'a str],
        &'a [Mood],
        Option<Code>,
        &'a str,
        usize,
        usize,
    );
    let rows: [Row<'_>; 12] = [
        (&good, &[Takes], None, "abcd", 0, 0),
        (&good, &[TellsEach], None, "abcd", 0, 0),
        (&good, &[TakesHalf, Takes], None, "abcd", 0, 0),
        (&good, &[TakesHalf, Denies], Some(Code::Denied), "ab", 1, 0),
        (&good, &[TakesAndBreaks], Some(Code::Later), "abcd", 1, 0),
        (&good, &[Breaks], Some(Code::Later), "", 1, 0),
        (&good, &[IsAway], Some(Code::Later), "", 1, 0),
        (&good, &[Denies], Some(Code::Denied), "", 1, 0),
        (&good, &[RefusesAll; 9], Some(Code::Later), "", 1, 0),
        (&good, &[TakesFew(4); 9], None, "abcd", 0, 0),
        (&bad, &[Takes; 9], None, "acd", 0, 1),
        (&bad, &[TellsEach], None, "acd", 0, 1),
    ];
    for (lines, moods, code, arrived, waiting, quarantined) in rows {
        let mut world = World::new();
        world.collect(&files(lines)).unwrap();
        world.set_moods(0, moods);
        let failed = world.deliver(0).err().map(|failure| failure.code);
        assert_eq!(failed, code, "{moods:?}");
        assert_eq!(world.end(0).got.concat(), arrived, "{moods:?}");
        assert_eq!(world.waiting(0), waiting, "{moods:?}");
        assert_eq!(world.quarantined(0).len(), quarantined, "{moods:?}");
        assert_eq!(world.waiting(1), 1, "the other destination is not touched");
    }
}

#[test]
fn a_hundred_refusals_in_a_row_are_a_mistake_in_a_setting() {
    let lines: Vec<String> = (0..300).map(|line| format!("line {line}")).collect();
    let mut world = World::new();
    world.collect(&[vec![lines.clone()]]).unwrap();
    let mut moods = vec![Mood::Takes];
    moods.extend([Mood::RefusesAll; 1_000]);
    world.set_moods(0, &moods);
    let failure = world.deliver(0).unwrap_err();
    assert_eq!(failure.code, Code::Config, "{failure}");
    assert!(failure.what.contains("100 lines in a row"), "{failure}");
    assert!(world.quarantined(0).is_empty());
    assert_eq!(world.end(0).got, lines[..4]);
    // the record has not moved: when the setting is right, everything arrives
    world.set_moods(0, &[]);
    world.deliver(0).unwrap();
    assert_eq!(world.end(0).got, lines);
}

#[test]
fn poison_at_the_end_is_quarantined_if_the_run_has_proved_that_others_are_taken() {
    for (lines, proved) in [
        (["a", "b", "poison"], true),
        (["poison", "poison", "poison"], false),
    ] {
        let mut world = World::new();
        world.collect(&files(&lines)).unwrap();
        let code = world.deliver(0).err().map(|failure| failure.code);
        assert_eq!(code, (!proved).then_some(Code::Later));
        assert_eq!(world.waiting(0), usize::from(!proved));
        assert_eq!(world.quarantined(0).is_empty(), !proved);
    }
}

#[test]
fn a_lasting_refusal_of_everything_needs_a_person() {
    let mut world = World::new();
    world.collect(&files(&["poison"])).unwrap();
    let codes = (0..4).map(|_| world.deliver(0).unwrap_err().code);
    let expected = [Code::Later, Code::Later, Code::Config, Code::Config];
    assert_eq!(codes.collect::<Vec<_>>(), expected);
    assert_eq!(world.waiting(0), 1);
}
