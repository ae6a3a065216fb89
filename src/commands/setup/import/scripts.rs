//! The configuration of the scripts: `checkpoint/config.txt`, a pickle of Python 2.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use secrecy::SecretString;

use crate::config::{Api, BaseUrl};
use crate::credentials::Credentials;
use crate::durable;
use crate::failure::{Code, Failure};
use crate::pickle::{self, Dict, Text};

/// The largest configuration, in bytes. The scripts write less than one thousand.
const SIZE_LIMIT: u64 = 64 << 10;
const CONFIG: &str = "config.txt";
/// The folder of configuration and positions, beside the folder of the scripts.
const CHECKPOINT: &str = "checkpoint";
/// The entries of the configuration.
const ENTRIES: [&str; 5] = [
    "data_dir",
    "api_base_url",
    "access_key",
    "secret_key",
    "account_code",
];

/// What the scripts' configuration holds. The id and key of their application are in their source alone.
pub(super) struct Scripts {
    /// The folder of the configuration and the positions.
    pub(super) checkpoint: PathBuf,
    /// The data folder, as an operator typed it on the scripts' host.
    pub(super) data: Rc<Text>,
    pub(super) base_url: BaseUrl,
    pub(super) access_key: SecretString,
    pub(super) secret_key: SecretString,
    pub(super) account_code: String,
}

impl Scripts {
    /// Reads the configuration in a folder of the scripts.
    ///
    /// # Errors
    /// [`Code::Usage`] if the folder has none. [`Code::Config`] if it is not the scripts'. [`Code::Disk`] if
    /// it cannot be read.
    pub(super) fn read(dir: &Path) -> Result<Self, Failure> {
        let checkpoint = find(dir)?;
        let path = checkpoint.join(CONFIG);
        let bytes = match durable::read_named(&path, SIZE_LIMIT) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                return Err(not_theirs(&path, &error.to_string()));
            }
            Err(error) => return Err(unreadable(&path, &error)),
        };
        let dict = pickle::read(&bytes).map_err(|refused| not_theirs(&path, &refused.0))?;
        Self::of(&dict, checkpoint).map_err(|why| not_theirs(&path, &why))
    }

    /// Checks the entries. An error is a clause.
    fn of(dict: &Dict, checkpoint: PathBuf) -> Result<Self, String> {
        if dict.keys().any(|name| !ENTRIES.contains(&&**name)) {
            return Err("it holds an entry that they do not write".to_owned());
        }
        let entry = |name: &str| {
            let text = dict.get(name);
            text.ok_or_else(|| format!("the entry {name} is missing"))
        };
        let word = |name: &str| {
            let text = entry(name)?.as_str().map(str::trim);
            let text = text.ok_or_else(|| format!("{name} is not UTF-8"))?;
            match text {
                "" => Err(format!("{name} is empty")),
                text => Ok(text.to_owned()),
            }
        };
        let base_url = BaseUrl::parse_for(&word("api_base_url")?, Api::V1);
        let base_url = base_url.map_err(|error| format!("api_base_url: {error}"))?;
        let (access_key, secret_key) = (word("access_key")?.into(), word("secret_key")?.into());
        // any application key will do for the check of the other two
        Credentials::new(&"x".into(), &access_key, &secret_key).map_err(|error| error.message)?;
        let account_code = word("account_code")?;
        if !account_code
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric())
        {
            return Err("account_code is not a word of letters and digits".to_owned());
        }
        Ok(Self {
            checkpoint,
            data: Rc::clone(entry("data_dir")?),
            base_url,
            access_key,
            secret_key,
            account_code,
        })
    }

    /// Returns the data folder.
    ///
    /// # Errors
    /// The reason why this host cannot use it: a clause without a subject.
    pub(super) fn data_folder(&self) -> Result<PathBuf, String> {
        let Some(text) = self.data.as_str() else {
            return Err("has a name that is not UTF-8".to_owned());
        };
        let folder = PathBuf::from(text.trim());
        match folder.is_absolute() {
            true => Ok(folder.components().collect()),
            false => Err("is not a whole path on this host".to_owned()),
        }
    }
}

/// Returns the folder of the configuration. The operator may name it, the folder above, or the folder of the
/// scripts beside it.
fn find(dir: &Path) -> Result<PathBuf, Failure> {
    let mut places = vec![dir.join(CHECKPOINT), dir.to_owned()];
    if dir.join("siem_collection.py").exists() || dir.join("audit_collection.py").exists() {
        let whole = std::path::absolute(dir).unwrap_or_default();
        places.extend(whole.parent().map(|above| above.join(CHECKPOINT)));
    }
    for place in &places {
        match place.join(CONFIG).symlink_metadata() {
            Ok(_) => return Ok(place.clone()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(unreadable(place, &error));
            }
            Err(_) => {}
        }
    }
    let what = format!(
        "{} holds no {CHECKPOINT}/{CONFIG} of the Python scripts",
        dir.display()
    );
    let remedy = "name the folder above the scripts, or a copy of it";
    Err(Failure::new(Code::Usage, what, remedy))
}

fn not_theirs(path: &Path, why: &str) -> Failure {
    let what = format!(
        "{} is not the configuration of the Python scripts: {why}",
        path.display()
    );
    let remedy =
        "nothing was changed; restore the file, or run authentication_setup without import";
    Failure::new(Code::Config, what, remedy)
}

/// Returns the failure of a file that cannot be read. A folder or a device in its place is not the scripts'.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let is_odd = matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::IsADirectory | io::ErrorKind::FileTooLarge
    );
    let code = if is_odd { Code::Config } else { Code::Disk };
    let what = format!("cannot read {}: {error}", path.display());
    let remedy = "correct it, or its permissions; nothing was changed";
    Failure::new(code, what, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 5] = [
        ("data_dir", "/var/mimecast"),
        ("api_base_url", "https://eu-api.mimecast.com"),
        ("access_key", "access"),
        ("secret_key", "c2VjcmV0"),
        ("account_code", "CUSA00A000"),
    ];

    fn of(change: impl FnOnce(&mut Vec<(&'static str, Text)>)) -> Result<Scripts, String> {
        let good = GOOD.map(|(name, text)| (name, Text::Unicode(text.to_owned())));
        let mut entries = Vec::from(good);
        change(&mut entries);
        let dict = entries.into_iter();
        let dict: Dict = dict
            .map(|(name, text)| (name.to_owned(), Rc::new(text)))
            .collect();
        Scripts::of(&dict, PathBuf::from("checkpoint"))
    }

    fn with(name: &str, text: Text) -> Result<Scripts, String> {
        of(|entries| {
            let entry = entries.iter_mut().find(|entry| entry.0 == name);
            entry.expect("an entry").1 = text;
        })
    }

    #[test]
    fn every_entry_has_to_be_there_and_no_other() {
        assert!(of(|_| ()).is_ok());
        for (name, _) in GOOD {
            let why = of(|entries| entries.retain(|entry| entry.0 != name)).err();
            assert_eq!(why, Some(format!("the entry {name} is missing")));
        }
        let further = of(|entries| entries.push(("app_key", Text::Unicode("x".to_owned()))));
        assert!(further.is_err());
    }

    #[test]
    fn an_entry_that_cannot_be_right_is_named_without_its_value() {
        let unicode = |text: &str| Text::Unicode(text.to_owned());
        for (name, text, why) in [
            (
                "api_base_url",
                unicode("https://example.com/canary"),
                "api_base_url: ",
            ),
            (
                "api_base_url",
                unicode("http://eu-api.mimecast.com"),
                "api_base_url: ",
            ),
            ("api_base_url", unicode(""), "api_base_url is empty"),
            ("access_key", unicode(" "), "access_key is empty"),
            ("access_key", unicode("canary\nX-Forged: 1"), "access_key"),
            (
                "access_key",
                Text::Bytes(vec![0xe4]),
                "access_key is not UTF-8",
            ),
            ("secret_key", unicode("canary!"), "secret_key"),
            ("account_code", unicode("../canary"), "account_code"),
        ] {
            let found = with(name, text).err().expect("refused");
            assert!(found.contains(why) && !found.contains("canary!"), "{found}");
            assert!(!found.contains("Forged"), "{found}");
        }
    }

    #[test]
    fn a_data_folder_of_another_host_is_not_taken() {
        let other = if cfg!(windows) {
            "/var/x"
        } else {
            r"C:\Mimecast"
        };
        for (text, why) in [
            (Text::Unicode(other.to_owned()), "is not a whole path"),
            (Text::Bytes(b"data".to_vec()), "is not a whole path"),
            (Text::Bytes(b"/d\xe4ta".to_vec()), "is not UTF-8"),
        ] {
            let scripts = with("data_dir", text).unwrap_or_else(|why| panic!("{why}"));
            let found = scripts.data_folder().expect_err("refused");
            assert!(found.contains(why), "{found}");
        }
    }
}
