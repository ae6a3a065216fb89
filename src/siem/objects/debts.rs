//! Owed objects: a list in the order of their last failure, with a look-up by place.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::position::Owed;

/// The list in the state record. It can contain hundreds of thousands of objects.
#[derive(Clone, Debug, Default)]
pub(super) struct OwedObjects {
    by_turn: BTreeMap<u64, Owed>,
    turns: HashMap<String, u64>,
    next: u64,
}

impl OwedObjects {
    pub(super) fn is_empty(&self) -> bool {
        self.by_turn.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Owed> {
        self.by_turn.values()
    }

    /// Returns an object by its place.
    pub(super) fn get(&self, place: &str) -> Option<&Owed> {
        self.by_turn.get(self.turns.get(place)?)
    }

    /// Adds an object at the end.
    pub(super) fn push(&mut self, owed: Owed) {
        self.remove(&owed.place);
        self.turns.insert(owed.place.clone(), self.next);
        self.by_turn.insert(self.next, owed);
        self.next += 1;
    }

    pub(super) fn remove(&mut self, place: &str) {
        if let Some(turn) = self.turns.remove(place) {
            self.by_turn.remove(&turn);
        }
    }

    /// Keeps the objects for which `keeps` is true.
    pub(super) fn retain(&mut self, mut keeps: impl FnMut(&Owed) -> bool) {
        let turns = &mut self.turns;
        self.by_turn.retain(|_, owed| {
            let is_kept = keeps(owed);
            if !is_kept {
                turns.remove(&owed.place);
            }
            is_kept
        });
    }
}

impl PartialEq for OwedObjects {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for OwedObjects {}

impl Serialize for OwedObjects {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for OwedObjects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut debts = Self::default();
        for owed in Vec::deserialize(deserializer)? {
            debts.push(owed);
        }
        Ok(debts)
    }
}
