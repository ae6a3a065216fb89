//! Prefetching: one thread fetches the next answer while the caller stores the last one.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// A thread that fetches one answer at a time.
pub(crate) struct Prefetch<Q, A> {
    questions: Sender<Q>,
    answers: Receiver<A>,
    open: std::cell::Cell<bool>,
}

impl<Q: Send + 'static, A: Send + 'static> Prefetch<Q, A> {
    /// Starts the thread. It ends with the program or after its last answer.
    pub(crate) fn new(fetch: impl Fn(Q) -> A + Send + 'static) -> Self {
        let (questions, asked) = channel();
        let (answer, answers) = channel();
        thread::spawn(move || {
            for question in asked {
                if answer.send(fetch(question)).is_err() {
                    return; // the caller no longer waits
                }
            }
        });
        Self {
            questions,
            answers,
            open: std::cell::Cell::new(false),
        }
    }

    /// Sends a question without waiting. The answer to an earlier question is dropped.
    pub(crate) fn start(&self, question: Q) {
        self.discard();
        self.questions
            .send(question)
            .expect("the thread lives as long as this end of the channel");
        self.open.set(true);
    }

    /// Waits for the answer to the last question.
    pub(crate) fn take(&self) -> A {
        self.open.set(false);
        self.answers
            .recv()
            .expect("the thread answers every question, or the whole run has failed")
    }

    /// Waits for the answer of a pending question, and drops it.
    pub(crate) fn discard(&self) {
        if self.open.get() {
            drop(self.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_the_order_of_the_questions() {
        let doubled = Prefetch::new(|number: u32| number * 2);
        doubled.start(1);
        assert_eq!(doubled.take(), 2);
        doubled.start(3);
        doubled.discard();
        doubled.discard();
        doubled.start(4);
        doubled.start(5);
        assert_eq!(doubled.take(), 10);
    }
}
