//! Lines newest first, wanted oldest first.

use proptest::prelude::*;

use super::world::World;
use crate::spool::Spill;

#[derive(Clone, Debug)]
enum Act {
    Push(Vec<u8>),
    Mark,
    RollBack,
    Write,
}

fn act() -> impl Strategy<Value = Act> {
    let line = prop::collection::vec(any::<u8>(), 0..40).prop_map(Act::Push);
    // around and above what is read back at once
    let long = (any::<u8>(), 100_000_usize..300_000).prop_map(|(byte, n)| Act::Push(vec![byte; n]));
    prop_oneof![12 => line, 1 => long, 2 => Just(Act::Mark), 1 => Just(Act::RollBack), 1 => Just(Act::Write)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn lines_come_out_in_reverse_whatever_was_done_before(acts in prop::collection::vec(act(), 0..40)) {
        let (spool, _) = World::new(0).open().unwrap();
        let mut spill = Spill::new(spool.scratch().unwrap());
        let mut lines: Vec<Vec<u8>> = Vec::new();
        let mut mark = (spill.mark(), 0);
        for act in acts.into_iter().chain([Act::Write]) {
            match act {
                Act::Push(line) => {
                    spill.push(&line).unwrap();
                    lines.push(line);
                }
                Act::Mark => mark = (spill.mark(), lines.len()),
                Act::RollBack => {
                    spill.roll_back(mark.0).unwrap();
                    lines.truncate(mark.1);
                }
                Act::Write => {
                    let mut written = Vec::new();
                    spill.write_reversed(&mut written).unwrap();
                    let expected: Vec<u8> = lines.iter().rev().flatten().copied().collect();
                    prop_assert!(written == expected);
                }
            }
            prop_assert_eq!(spill.len(), lines.len());
            prop_assert_eq!(spill.is_empty(), lines.is_empty());
        }
    }
}
