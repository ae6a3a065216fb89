//! Asks for the first page of each waiting window, for a person who wants to know what waits.

use super::beginning::unreadable;
use super::page;
use super::plan::{Plan, Progress, Window};
use super::reading::not_json;
use crate::api::endpoints::{self, Call};
use crate::api::{ApiError, NoSink, Reply};
use crate::collect::{Context, Waiting};
use crate::failure::Failure;
use crate::logs::AUDIT;

/// The largest number of windows to ask for. Each is one request.
const WINDOWS: u32 = 8;

/// Asks for the windows after a position, and keeps nothing of the answer.
///
/// # Errors
/// A position that this program did not write, or the failure of the call.
pub fn ask(context: &Context, _: &str, position: Option<String>) -> Result<Waiting, Failure> {
    let is_known = position.is_some();
    let place = match position {
        Some(text) => Progress::read(&text).ok_or_else(unreadable)?,
        None => Progress::default(),
    };
    let audit = &context.config.audit;
    let mut plan = Plan::new(place, None, audit.overlap, audit.first_look_back);
    let first = plan.next(context.clock.present().earliest);
    let (mut window, mut waiting) = (first, 0);
    for asked in 1.. {
        let (count, is_whole) = count(context, &window)?;
        waiting += count;
        if window.is_last || asked == WINDOWS || !is_whole {
            return Ok(Waiting {
                kind: "event",
                count: waiting,
                bytes: None,
                span: Some((first.from, window.to)),
                more: !(window.is_last && is_whole),
                known: is_known,
            });
        }
        plan.collected(&window);
        window = plan.next(context.clock.present().earliest);
    }
    unreachable!("the number of windows is limited")
}

/// Returns the number of events of a window, and whether it is the whole number.
fn count(context: &Context, window: &Window) -> Result<(u64, bool), Failure> {
    let body = endpoints::audit(window.from, window.to, endpoints::AUDIT_PAGE, None);
    let answer = context.client.call(Call::Log(&AUDIT), &body, &mut NoSink)?;
    let Reply::Json(text) = answer else {
        return Err(not_json().into());
    };
    let head = page::read(&text, |_| Ok::<_, Failure>(()))?.map_err(ApiError::NotUnderstood)?;
    let listed = head.items as u64;
    let count = head.total.unwrap_or(listed).max(listed);
    Ok((count, head.total.is_some() || head.next.is_none()))
}
