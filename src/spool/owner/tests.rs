//! Tests of the comparison between a marker and our own state.

use super::*;

const HERE: &str = "/state";
const ELSEWHERE: &str = "/old";
/// The sequence number in each marker.
const NEWEST: u64 = 7;

/// Returns a marker that the state with this id left, when it was in this folder.
fn marker(id: &str, state: &str) -> Owner {
    Owner {
        id: id.to_owned(),
        state: state.into(),
        sequence: NEWEST,
    }
}

/// Returns the verdict on a marker if the state folder that it names holds no record.
fn verdict_if_gone(marker: &Owner, id: &str, sequence: u64) -> Verdict {
    let ours = OwnState { id, sequence };
    compare(Some(marker), Path::new(HERE), &ours, |_| false)
}

/// Returns the verdict on a marker if the state folder that it names still holds a record.
fn verdict_if_alive(marker: &Owner, id: &str, sequence: u64) -> Verdict {
    let ours = OwnState { id, sequence };
    compare(Some(marker), Path::new(HERE), &ours, |_| true)
}

fn foreign(state: &str) -> Verdict {
    Verdict::Foreign(state.into())
}

#[test]
fn a_folder_without_a_marker_is_ours() {
    let (id, sequence) = ("a", 0);
    let ours = OwnState { id, sequence };
    let verdict = compare(None, Path::new(HERE), &ours, |_| false);
    assert_eq!(verdict, Verdict::Ours);
}

#[test]
fn our_own_marker_is_ours_unless_the_state_is_older() {
    let own = marker("a", HERE);
    for (sequence, expected) in [
        (NEWEST, Verdict::Ours),
        // killed before the end of a run
        (NEWEST + 2, Verdict::Ours),
        // restored from a backup
        (NEWEST - 1, Verdict::Older),
    ] {
        let verdict = verdict_if_alive(&own, "a", sequence);
        assert_eq!(verdict, expected, "{sequence}");
    }
}

#[test]
fn a_state_without_an_id_is_compared_by_its_folder() {
    let own = marker("a", HERE);
    // lost
    assert_eq!(verdict_if_alive(&own, "", 0), Verdict::Older);
    // of version 0.1.0
    assert_eq!(verdict_if_alive(&own, "", NEWEST + 2), Verdict::Ours);
    let other = marker("a", ELSEWHERE);
    assert_eq!(verdict_if_gone(&other, "", 0), foreign(ELSEWHERE));
}

#[test]
fn a_state_that_was_exchanged_for_another_makes_the_folder_foreign() {
    let own = marker("a", HERE);
    for sequence in [NEWEST - 1, NEWEST + 2] {
        let verdict = verdict_if_alive(&own, "b", sequence);
        assert_eq!(verdict, foreign(HERE), "{sequence}");
    }
}

#[test]
fn a_folder_that_moved_together_with_its_state_is_ours_unless_the_state_is_older() {
    let moved = marker("a", ELSEWHERE);
    assert_eq!(verdict_if_gone(&moved, "a", NEWEST), Verdict::Ours);
    assert_eq!(verdict_if_gone(&moved, "a", NEWEST - 1), Verdict::Older);
}

#[test]
fn a_copy_of_a_state_whose_original_still_publishes_makes_the_folder_foreign() {
    let original = marker("a", ELSEWHERE);
    assert_eq!(verdict_if_alive(&original, "a", NEWEST), foreign(ELSEWHERE));
}

#[test]
fn a_folder_of_another_installation_is_foreign_even_if_its_state_is_gone() {
    let other = marker("a", ELSEWHERE);
    assert_eq!(verdict_if_alive(&other, "b", NEWEST), foreign(ELSEWHERE));
    assert_eq!(verdict_if_gone(&other, "b", 0), foreign(ELSEWHERE));
}
