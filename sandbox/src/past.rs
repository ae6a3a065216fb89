//! What a client has received before a test begins: tokens to put into a saved state, and answers that count as given.

use crate::{Sandbox, tokens, v2};

impl Sandbox {
    /// Returns the cursor that the answer with that batch, counted from 0, brings.
    #[track_caller]
    pub fn siem_cursor(&self, batch: usize) -> String {
        let created_ms = self.shared.service().queue.created_ms(batch);
        tokens::cursor(batch, created_ms.expect("a batch of that number"))
    }

    /// Returns the `nextPage` that leads to that place, counted from 0, of a type's list.
    pub fn next_page(&self, log_type: &str, place: usize) -> String {
        let mut service = self.shared.service();
        let turn = service.v2.turn(log_type, false);
        v2::next_page(log_type, place, turn)
    }

    /// The batch counts as answered once: with `replays_differ` another answer has its lines in another order.
    pub fn has_answered(&self, batch: usize) {
        self.shared.service().queue.count_answer(batch);
    }

    /// The object counts as downloaded once, likewise.
    pub fn has_handed_out(&self, log_type: &'static str, place: usize) {
        let mut service = self.shared.service();
        let _ = service.v2.take(log_type, place);
    }
}
