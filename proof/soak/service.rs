//! What the service has, item by item, and which of them are bad among good ones.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::bad_items::BadItems;
use crate::harness::Installation;
use crate::stream::Stream;
use mimecast_sandbox::{
    AuditEvent, Batch, Endpoint, Member, Object, Record, ZipEntry, at, changes::Failing,
};

/// Something that is published as a whole or not at all.
pub(super) struct Item {
    /// Lines, or the id of an audit event.
    pub(super) lines: Vec<Vec<u8>>,
    /// If it is lost, a warning with one of these texts has told it. Without any it must not be lost.
    pub(super) marks: Vec<String>,
}

/// All that the service has had.
pub(super) struct Service {
    stream: Stream,
    random: fastrand::Rng,
    pub(super) items: Vec<Item>,
    /// Bytes that are no event and have to be kept, each with a name.
    pub(super) odd: BTreeMap<String, Vec<u8>>,
    pub(super) bad_items: BadItems,
    twice: Vec<Vec<u8>>,
    batches: usize,
}

/// One of so many runs brings something bad.
const SELDOM: u32 = 16;

impl Service {
    pub(super) fn new(place: &Installation, stream: Stream, mut random: fastrand::Rng) -> Self {
        let bad_items = BadItems::new(place, random.fork());
        Self {
            stream,
            random,
            items: Vec::new(),
            odd: BTreeMap::new(),
            bad_items,
            twice: Vec::new(),
            batches: 0,
        }
    }

    /// What half an hour brings; each event is another one. The first day is quiet, as after a setup.
    pub(super) fn serve(&mut self, place: &Installation, run: u32, now: DateTime<Utc>) {
        self.bad_items.pass(run);
        let is_bad = run >= super::DAY && self.random.u32(0..SELDOM) == 0;
        match self.stream {
            Stream::Siem1 => self.serve_archive(place, run, now, is_bad),
            Stream::Siem2 => self.serve_objects(place, run, now, is_bad),
            Stream::Audit1 | Stream::Audit2 => self.serve_events(place, run, now, is_bad),
        }
        if run >= super::DAY && self.random.u32(0..SELDOM) == 0 {
            self.fail_once(place);
        }
        if run >= super::DAY {
            self.bad_items.change_habits(place, self.stream, run);
        }
    }

    /// Lines that the service has had twice: two events of one id.
    pub(super) fn twice(&self) -> impl Iterator<Item = &[u8]> {
        self.twice.iter().map(Vec::as_slice)
    }

    fn add(&mut self, lines: Vec<Vec<u8>>, marks: Vec<String>) {
        self.items.push(Item { lines, marks });
    }

    /// The next answer says nothing, once.
    fn fail_once(&mut self, place: &Installation) {
        let endpoints: &[Endpoint] = match self.stream {
            Stream::Siem1 => &[Endpoint::Siem],
            Stream::Siem2 => &[Endpoint::Object, Endpoint::Events],
            Stream::Audit1 | Stream::Audit2 => &[Endpoint::Audit],
        };
        let endpoint = endpoints[self.random.usize(0..endpoints.len())];
        let ways = [Failing::Empty, Failing::ForeignJson, Failing::Html];
        let way = ways[self.random.usize(0..ways.len())];
        self.bad_items.met += 1;
        place.next(endpoint, way.change());
    }

    fn serve_archive(&mut self, place: &Installation, run: u32, now: DateTime<Utc>, is_bad: bool) {
        let stamp = now.format("%Y%m%d%H%M%S%3f").to_string();
        let members: Vec<Member> = ["receipt", "ttp_url"]
            .into_iter()
            .map(|kind| {
                let record = |number| Record::realistic(kind, u64::from(run), number, now);
                Member::new(kind, &stamp, (0..3).map(record).collect())
            })
            .collect();
        let number = self.batches;
        self.batches += 1;
        let batch = Batch::records(members);
        let lines = batch.lines();
        let mut marks = Vec::new();
        let batch = match self.random.u32(0..4) {
            0 if is_bad => {
                let bytes = format!("no archive, number {run}").into_bytes();
                self.odd.insert(format!("archive {run}"), bytes.clone());
                place.serve(Batch::raw(bytes));
                return;
            }
            1 if is_bad => {
                let text = [lines.join(&b'\n'), b"\n".to_vec()].concat();
                let link = format!("/no/such/{run}");
                self.odd
                    .insert(format!("link {run}"), link.clone().into_bytes());
                let entries = [
                    ZipEntry::new(format!("receipt_{stamp}.siem"), text),
                    ZipEntry::symlink("link.siem", link),
                ];
                Batch::repacked_each_time(entries).with_lines(lines.clone())
            }
            2 if is_bad => {
                let item = (Endpoint::Siem, Failing::Empty);
                self.bad_items.add(item, at::batch(number), run);
                marks.push("an archive is damaged".to_owned());
                batch
            }
            3 if is_bad => {
                // a status or HTML says nothing for sure: these pass
                let way = self.bad_items.way(|way| !matches!(way, Failing::Empty));
                self.bad_items
                    .add((Endpoint::Siem, way), at::batch(number), run);
                batch
            }
            _ => batch,
        };
        self.add(lines, marks);
        place.serve(batch);
    }

    fn serve_objects(&mut self, place: &Installation, run: u32, now: DateTime<Utc>, is_bad: bool) {
        let kinds = ["receipt", "url protect"];
        let bad = if is_bad {
            self.random.usize(0..kinds.len())
        } else {
            kinds.len()
        };
        for (index, kind) in kinds.into_iter().enumerate() {
            let name = format!("part-{run:06}.json.gz");
            let object = Object::realistic_at(u64::from(run), 3, now).named(&name);
            let before = now - TimeDelta::minutes(1);
            place.serve_objects(kind, [object]);
            let lines = place.sandbox.object_lines_since(kind, before);
            assert_eq!(lines.len(), 3, "the lines of one object");
            // faulty answers may meet any object in two runs: then it is a gap, too
            let mark = format!("/{}/{name}", kind.replace(' ', "-"));
            if index == bad {
                let way = self.bad_items.way(|_| true);
                let object = at::object(kind, &name);
                if self.random.bool() {
                    self.bad_items.add_lasting((Endpoint::Object, way), object);
                } else {
                    self.bad_items.add((Endpoint::Object, way), object, run);
                }
            }
            self.add(lines, vec![mark]);
        }
        if !is_bad && self.random.u32(0..SELDOM * 2) == 0 && run >= super::DAY {
            let way = self.bad_items.way(|way| way != Failing::Unpacked);
            let kind = kinds[self.random.usize(0..kinds.len())];
            self.bad_items
                .add((Endpoint::Events, way), at::event_type(kind), run);
        }
    }

    fn serve_events(&mut self, place: &Installation, run: u32, now: DateTime<Utc>, is_bad: bool) {
        // the last one comes late: a run before has asked for its time
        let ages = [2, 9, 21, 50].map(TimeDelta::minutes);
        let number = |index: u64| u64::from(run) * 8 + index;
        let mut events: Vec<AuditEvent> = (0..)
            .zip(ages)
            .map(|(index, age)| AuditEvent::realistic(number(index), now - age))
            .collect();
        let mut marks = vec![Vec::new(); events.len()];
        if is_bad {
            let at = self.random.usize(0..events.len());
            let beside = events[at].event_time;
            let more = AuditEvent::realistic(number(4), beside + TimeDelta::seconds(3));
            match self.random.u32(0..6) {
                0 => events.push(more.with_control_character()),
                1 => {
                    self.twice.push(events[at].id.clone().into_bytes());
                    events.push(events[at].clone().with_info("other words"));
                }
                2 => events.push(events[at].clone().rearranged()),
                3 => {
                    let way = self.bad_items.way(|way| way != Failing::Unpacked);
                    let window = at::window_of(beside);
                    self.bad_items.add((Endpoint::Audit, way), window, run);
                    // what remains of the window at last is this second
                    for (mark, event) in marks.iter_mut().zip(&events) {
                        if event.event_time == beside {
                            mark.push(format!("a page of audit events at {beside} cannot be read"));
                            mark.push(format!("audit events of {beside} did not arrive"));
                        }
                    }
                }
                _ => {
                    let mut bad = more.clone().broken();
                    if self.random.bool() {
                        bad = more.with_raw(format!("{{\"id\":tru,\"n\":{run}}}"));
                    }
                    let bytes = bad.json().into_bytes();
                    self.odd.insert(format!("event {run}"), bytes);
                    events.push(bad);
                }
            }
        }
        marks.resize(events.len(), Vec::new());
        for (event, marks) in events.iter().zip(marks) {
            let is_control = event.json().contains('\u{1}');
            if !event.is_repetition && (event.is_readable() || is_control) {
                self.add(vec![event.id.clone().into_bytes()], marks);
            }
        }
        place.serve_events(events);
    }
}
