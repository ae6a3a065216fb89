//! What a test commands the HTTP collector to do, and to do wrong.

use std::time::Duration;

use super::hec;
use super::http::Http;
use super::http_state::{Fault, Reply};

/// Faults that wait in a queue, each for one request with events. Questions for acknowledgements take none.
impl Http {
    /// No fault with the next request, to reach a later one.
    pub fn serves(&self) {
        self.queue(Fault::None);
    }

    /// Reads a request, keeps nothing, and answers this.
    pub fn answers(&self, status: u16, headers: &[(&str, &str)], body: &str) {
        self.queue(Fault::Answers(reply(status, headers, body)));
    }

    /// Keeps the events, then answers with another status than the one that is due.
    pub fn applies_then_answers(&self, status: u16) {
        self.queue(Fault::AppliesThenAnswers(status));
    }

    /// Keeps the events, then closes without an answer.
    pub fn applies_then_cuts(&self) {
        self.queue(Fault::AppliesThenCuts);
    }

    /// Closes after the headers of a request.
    pub fn cuts_before_reading(&self) {
        self.queue(Fault::CutsBeforeReading);
    }

    /// Closes after half the body of a request, or half its first chunk.
    pub fn cuts_after_half_the_body(&self) {
        self.queue(Fault::CutsAfterHalfTheBody);
    }

    /// Keeps the events and answers later.
    pub fn delays(&self, pause: Duration) {
        self.queue(Fault::Delays(pause));
    }

    /// Answers as if it kept the events, and keeps none, as Sumo Logic does when an ingest budget is used up.
    pub fn swallows(&self) {
        self.queue(Fault::Swallows);
    }

    fn queue(&self, fault: Fault) {
        self.shared.state().faults.push_back(fault);
    }
}

/// Settings that hold until told otherwise.
impl Http {
    /// Refuses events with this text: the whole request at Sumo Logic and the webhook, the item at the bulk API. HEC
    /// keeps the events before the first such event and tells its number.
    pub fn refuses_events_with(&self, text: &str) {
        let mut state = self.shared.state();
        state.refused_texts.push(text.to_owned());
    }

    /// Refuses every request with this status, unless a fault in the queue says otherwise.
    pub fn refuses_all(&self, status: u16) {
        self.shared.state().refuses_all = Some(status);
    }

    /// Ends [`refuses_events_with`](Self::refuses_events_with) and [`refuses_all`](Self::refuses_all).
    pub fn refuses_nothing(&self) {
        let mut state = self.shared.state();
        state.refused_texts.clear();
        state.refuses_all = None;
    }

    /// Answers 413 to a larger body, measured before compression.
    pub fn max_body(&self, bytes: usize) {
        self.shared.state().max_body = Some(bytes);
    }

    /// Allows these indexes alone. HEC answers code 7 to others, the bulk API 404 for the item.
    pub fn allows_indexes(&self, names: &[&str]) {
        let names = names.iter().map(ToString::to_string);
        self.shared.state().indexes = Some(names.collect());
    }

    /// Asks for no credentials.
    pub fn opens_to_all(&self) {
        self.shared.state().is_open_to_all = true;
    }
}

/// The bulk API alone.
impl Http {
    /// Begins a new write index, which knows no `_id`.
    pub fn roll_over(&self) {
        self.shared.state().shelf.roll_over();
    }

    /// Answers 429 to that many of the next items and does not keep them.
    pub fn rejects_items(&self, count: usize) {
        self.shared.state().rejected_items = count;
    }
}

/// Acknowledgements of HEC alone.
impl Http {
    /// Answers *false* to that many questions for an id before *true*.
    pub fn acknowledges_after(&self, polls: usize) {
        self.shared.state().acks.polls_before = polls;
    }

    /// Answers *false* to every question.
    pub fn never_acknowledges(&self) {
        self.acknowledges_after(usize::MAX);
    }

    /// Answers this to one question for acknowledgements; several wait in a queue.
    pub fn answers_poll(&self, status: u16, headers: &[(&str, &str)], body: &str) {
        let mut state = self.shared.state();
        state.poll_faults.push_back(reply(status, headers, body));
    }

    /// Loses the events that are not acknowledged yet, and forgets their ids, as an indexer that restarts.
    pub fn loses_unacknowledged(&self) {
        hec::lose_unacknowledged(&mut self.shared.state());
    }
}

fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let headers = headers.iter();
    Reply {
        status,
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}
