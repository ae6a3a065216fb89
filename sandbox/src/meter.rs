//! The rate limit: a fixed window, as recorded; under API 1.0 over all endpoints.

use std::time::{Duration, Instant};

use crate::reply::Reply;

/// Recorded: 800 calls in 5000 ms.
const RECORDED: (u32, u64) = (800, 5000);

/// Counts the calls of the current window.
#[derive(Default)]
pub(crate) struct Meter {
    opened: Option<Instant>,
    used: u32,
}

/// What the meter showed for one call.
pub(crate) struct Reading {
    limit: u32,
    remaining: u32,
    reset_ms: u64,
    pub(crate) refused: bool,
}

impl Meter {
    /// Counts one call. Without a limit the headers still count down, but never reach nought and never refuse.
    pub(crate) fn count(&mut self, limit: Option<(u32, u64)>) -> Reading {
        let (calls, window_ms) = limit.unwrap_or(RECORDED);
        let window = Duration::from_millis(window_ms);
        let opened = match self.opened {
            Some(opened) if opened.elapsed() < window => opened,
            _ => {
                self.used = 0;
                Instant::now()
            }
        };
        self.opened = Some(opened);
        let refused = limit.is_some() && self.used >= calls;
        self.used = self.used.saturating_add(1);
        let least = u32::from(limit.is_none());
        let left = window.saturating_sub(opened.elapsed());
        Reading {
            limit: calls,
            remaining: calls.saturating_sub(self.used).max(least),
            reset_ms: u64::try_from(left.as_millis()).unwrap_or(window_ms),
            refused,
        }
    }
}

impl Reading {
    /// The limit and the wait in milliseconds, when this call is one too many.
    pub(crate) fn too_many(&self) -> Option<(u32, u64)> {
        self.refused.then_some((self.limit, self.reset_ms))
    }

    /// Writes the three headers that every answer carries.
    pub(crate) fn stamp(&self, reply: &mut Reply) {
        reply.set_header("x-ratelimit-limit", &self.limit.to_string());
        reply.set_header("x-ratelimit-remaining", &self.remaining.to_string());
        reply.set_header("x-ratelimit-reset", &self.reset_ms.to_string());
    }
}
