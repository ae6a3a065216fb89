//! A model disk, a stream that commits files, and far ends that count what they get.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::config::{Config, Destination, Environment};
use crate::delivery::Setting;
use crate::delivery::batch::{Limits, Part};
use crate::delivery::one::{deliver_with, load};
use crate::delivery::record::Kept;
use crate::delivery::sender::Sender;
use crate::delivery::verdict::{Again, Fate, Trouble, Verdict};
use crate::durable::model::{Model, Renames};
use crate::durable::{Disk, Mode};
use crate::failure::Failure;
use crate::report::Delivered;
use crate::spool::{Adopt, Extension, Lock, Settings, Spool, SpoolError, Stems};

pub(super) const NAMES: [&str; 2] = ["one", "two"];
const START: i64 = 1_795_000_000;
/// Each clock listens to signals, so that all worlds share one.
static CLOCK: LazyLock<Clock> = LazyLock::new(|| Clock::start().unwrap());

/// What a far end does with the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// It takes all lines but the poisonous ones.
    Takes,
    /// The same, and it tells the fate of each line.
    TellsEach,
    /// It takes the first half and breaks.
    TakesHalf,
    /// It takes all and breaks before it answers.
    TakesAndBreaks,
    /// It breaks before it has read.
    Breaks,
    /// It cannot be reached.
    IsAway,
    /// It refuses this client.
    Denies,
    /// It refuses every line.
    RefusesAll,
    /// It takes only so many bytes at once.
    TakesFew(usize),
}

/// What one far end has got, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct FarEnd {
    pub(super) got: Vec<String>,
    /// The moods of the next requests. Afterwards it takes.
    pub(super) moods: Vec<Mood>,
    pub(super) requests: usize,
}

pub(super) type Ends = Rc<RefCell<BTreeMap<&'static str, FarEnd>>>;

/// Everything that outlives a run.
pub(super) struct World {
    pub(super) model: Model,
    pub(super) config: Config,
    pub(super) ends: Ends,
    pub(super) now: i64,
    /// Every warning that a run has told.
    pub(super) told: Vec<String>,
    locks: tempfile::TempDir,
}

struct Fake {
    name: &'static str,
    ends: Ends,
    model: Model,
}

pub(super) fn is_poison(line: &str) -> bool {
    line.contains("poison")
}

impl World {
    pub(super) fn new() -> Self {
        let folders = [
            "/state",
            "/state/quarantine",
            "/data",
            "/data/tmp",
            "/data/mta",
            "/data/outbox",
            "/data/outbox/one",
            "/data/outbox/two",
        ];
        Self {
            model: Model::new(&folders.map(Path::new), Renames::Atomic),
            config: config(),
            ends: Rc::default(),
            now: START,
            told: Vec::new(),
            locks: tempfile::tempdir().unwrap(),
        }
    }

    fn time(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.now, 0).unwrap()
    }

    fn settings(&self) -> Settings {
        Settings {
            disk: Arc::new(self.model.clone()),
            data: "/data".into(),
            state: "/state".into(),
            staging: "/data/tmp".into(),
            published: "/data/mta".into(),
            outboxes: self.config.outboxes("mta"),
            stems: Stems::default(),
            stream: "siem".to_owned(),
            account: "C0A0".to_owned(),
            mode: Mode(0o640),
            now: self.time(),
            adopt: Adopt::No,
            wanted: None,
        }
    }

    /// Commits a batch of files with these lines, one file for each list. The service has them until they are
    /// committed, so that a batch that was interrupted is collected again.
    pub(super) fn collect(&mut self, batches: &[Vec<Vec<String>>]) -> Result<(), SpoolError> {
        self.model
            .set_time(SystemTime::UNIX_EPOCH + Duration::from_secs(self.now as u64));
        let (mut spool, recovery) =
            Spool::open(self.settings(), Lock::take(self.locks.path(), "siem")?)?;
        self.told.extend(recovery.warnings);
        let place = |spool: &Spool| spool.position().map_or(0, |at| at.parse().unwrap());
        let mut at: usize = place(&spool);
        while let Some(files) = batches.get(at) {
            let mut batch = spool.batch(self.time());
            for (number, lines) in files.iter().enumerate() {
                let mut part = batch.part()?;
                for line in lines {
                    writeln!(part, "{line}")
                        .map_err(|error| SpoolError::disk("write", Path::new("/data"), error))?;
                }
                batch.add(part, &format!("receipt_{at}_{number}"), Extension::Siem)?;
            }
            at += 1;
            spool.commit(batch, Some(at.to_string()), self.time())?;
        }
        spool.finish(self.time(), &[])?;
        spool.hand_over(self.time())
    }

    /// Delivers to one destination, as a run does.
    pub(super) fn deliver(&mut self, place: usize) -> Result<Delivered, Failure> {
        let destination: Destination = self.config.destinations[place].clone();
        let (clock, environment) = (CLOCK.clone(), Environment::default());
        let disk: Arc<dyn Disk> = Arc::new(self.model.clone());
        let setting = Setting {
            config: &self.config,
            environment: &environment,
            clock: &clock,
            host: "host",
            disk: &disk,
        };
        let mut kept: Kept = load(setting, &destination)?;
        let fake = Fake {
            name: NAMES[place],
            ends: Rc::clone(&self.ends),
            model: self.model.clone(),
        };
        let connect = || Ok(Box::new(fake) as Box<dyn Sender>);
        let (delivered, failure) = deliver_with(setting, &destination, &mut kept, connect);
        if failure.is_none() && !self.model.crashed() {
            self.told.append(&mut kept.record.untold);
            kept.save()?;
        }
        failure.map_or(Ok(delivered), Err)
    }

    pub(super) fn end(&self, place: usize) -> FarEnd {
        let mut ends = self.ends.borrow_mut();
        ends.entry(NAMES[place]).or_default().clone()
    }

    pub(super) fn set_moods(&self, place: usize, moods: &[Mood]) {
        let mut ends = self.ends.borrow_mut();
        ends.entry(NAMES[place]).or_default().moods = moods.to_vec();
    }

    /// The raw lines in the quarantine of a destination.
    pub(super) fn quarantined(&self, place: usize) -> Vec<String> {
        let files = self.model.files(Path::new("/state/quarantine"));
        let ours = files.into_iter().filter(|(name, _)| {
            name.starts_with(&format!("deliver_{}_", NAMES[place])) && name.ends_with(".raw")
        });
        ours.map(|(_, content)| String::from_utf8(content).unwrap())
            .collect()
    }

    /// The number of files that wait for a destination.
    pub(super) fn waiting(&self, place: usize) -> usize {
        let files = self.model.files(&self.outbox(place));
        files.keys().filter(|name| !name.starts_with('.')).count()
    }

    pub(super) fn outbox(&self, place: usize) -> PathBuf {
        self.config.outbox(NAMES[place])
    }
}

/// A configuration with two destinations and without waits.
fn config() -> Config {
    let text = "[mimecast]\nbase_url = \"http://127.0.0.1:1\"\n[folders]\ndata = \"/data\"\nstate = \"/state\"\n\
                [run]\nretry_minutes = 0\n[network]\nretries = 0\nretry_wait_ms = 1\n\
                [[destination]]\nname = \"one\"\ntype = \"webhook\"\nurl = \"http://127.0.0.1:1\"\n\
                [[destination]]\nname = \"two\"\ntype = \"webhook\"\nurl = \"http://127.0.0.1:1\"\n";
    Config::parse(text, Path::new("/c/config.toml"), &Environment::default()).unwrap()
}

impl Fake {
    /// Takes lines, unless the process is already dead.
    fn take(&self, lines: &[String]) -> Vec<Fate> {
        let mut ends = self.ends.borrow_mut();
        let end = ends.entry(self.name).or_default();
        let fates = lines.iter().map(|line| match is_poison(line) {
            true => Fate::Refused("poison".to_owned()),
            false => {
                end.got.push(line.clone());
                Fate::Delivered
            }
        });
        fates.collect()
    }
}

impl Sender for Fake {
    fn limits(&self) -> Limits {
        Limits {
            lines: 4,
            bytes: 1 << 10,
        }
    }

    fn send(&mut self, part: Part<'_>) -> Verdict {
        if self.model.crashed() {
            return Verdict::Broken("the process is dead".to_owned());
        }
        let lines: Vec<String> = part
            .iter()
            .map(|(text, _)| String::from_utf8(text.to_vec()).unwrap())
            .collect();
        let mood = {
            let mut ends = self.ends.borrow_mut();
            let end = ends.entry(self.name).or_default();
            end.requests += 1;
            match end.moods.is_empty() {
                true => Mood::Takes,
                false => end.moods.remove(0),
            }
        };
        let unknown = || Verdict::Unknown("the connection broke".to_owned());
        match mood {
            Mood::TellsEach => Verdict::Each(self.take(&lines)),
            Mood::TakesHalf => {
                let (first, rest) = lines.split_at(lines.len() / 2);
                let mut fates = self.take(first);
                let again = || Fate::Again(Again::Later("cut".to_owned()));
                fates.extend(rest.iter().map(|_| again()));
                Verdict::Each(fates)
            }
            Mood::TakesAndBreaks => {
                self.take(&lines);
                unknown()
            }
            Mood::Breaks => unknown(),
            Mood::IsAway => Verdict::Broken("no connection".to_owned()),
            Mood::Denies => Verdict::Denied(Trouble::new("no", "correct the token")),
            Mood::RefusesAll => Verdict::Refused("no".to_owned()),
            Mood::TakesFew(most) if part.bytes() > most => Verdict::TooLarge("too much".to_owned()),
            Mood::Takes | Mood::TakesFew(_) => match lines.iter().any(|line| is_poison(line)) {
                true => Verdict::Refused("one of them is poison".to_owned()),
                false => {
                    self.take(&lines);
                    Verdict::Delivered
                }
            },
        }
    }
}
