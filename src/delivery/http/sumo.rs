//! HTTP sources of Sumo Logic: lines of text, whose address is the secret.
//!
//! Vendor: <https://www.sumologic.com/help/docs/send-data/hosted-collectors/http-source/logs-metrics/upload-logs/>.
//! 200 means received. A source whose ingest budget is used up answers the same and drops the lines.

use super::{Exchange, Post};
use crate::config::destination::Sumo as Settings;
use crate::delivery::batch::Part;
use crate::delivery::verdict::Verdict;

/// A sender to an HTTP source.
pub struct Sumo<'a> {
    post: Post,
    settings: &'a Settings,
    host: String,
}

impl<'a> Sumo<'a> {
    pub fn new(post: Post, settings: &'a Settings, host: &str) -> Self {
        let host = host.to_owned();
        Self {
            post,
            settings,
            host,
        }
    }
}

impl Exchange for Sumo<'_> {
    fn exchange(&self, part: Part<'_>) -> Result<Verdict, Verdict> {
        let mut body = Vec::with_capacity(part.bytes());
        for (text, _) in part.iter() {
            body.extend_from_slice(text);
            body.push(b'\n');
        }
        let mut headers = vec![
            ("content-type", "text/plain; charset=utf-8"),
            ("x-sumo-host", &*self.host),
        ];
        let category = self.settings.category.of(part.folder());
        if !category.is_empty() {
            headers.push(("x-sumo-category", category));
        }
        let reply = self.post.send("", &headers, &body)?;
        Ok(reply.usual_or_page().unwrap_or(Verdict::Delivered))
    }
}
