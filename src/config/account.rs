//! The users of this host to whom files belong.

use std::path::Path;

/// A user of this host.
#[derive(Clone, Debug)]
pub struct Account {
    id: u32,
    /// The name, or `None` if this host's list of users does not have one.
    name: Option<String>,
    /// True unless the list names a shell that admits no person.
    can_log_in: bool,
}

impl Account {
    /// Returns the owner of a file or, if it does not exist, of the nearest folder above it. `None` on
    /// Windows, and if the file system does not tell it.
    #[cfg(unix)]
    pub fn owner_of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let found = path.ancestors().find_map(|path| path.metadata().ok())?;
        Some(Self::of(found.uid()))
    }

    #[cfg(not(unix))]
    pub fn owner_of(_: &Path) -> Option<Self> {
        None
    }

    /// Returns the user who runs this program, or `None` on Windows.
    #[cfg(unix)]
    pub fn current() -> Option<Self> {
        Some(Self::of(rustix::process::geteuid().as_raw()))
    }

    #[cfg(not(unix))]
    pub fn current() -> Option<Self> {
        None
    }

    /// True for one and the same user. Only the numbers decide: the list of users may be unreadable for a
    /// moment.
    pub const fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// True for the superuser.
    pub const fn is_root(&self) -> bool {
        self.id == 0
    }

    /// True if a person can log in as this user, as far as this host tells.
    pub const fn can_log_in(&self) -> bool {
        self.can_log_in
    }

    /// Returns the word that names the user to `sudo -u`.
    pub fn sudo_word(&self) -> String {
        let id = || format!("'#{}'", self.id);
        self.name.clone().unwrap_or_else(id)
    }

    /// Returns the word that names the user and its group to `chown`.
    pub fn chown_word(&self) -> String {
        match &self.name {
            Some(name) => format!("{name}:"),
            None => self.id.to_string(),
        }
    }

    #[cfg(unix)]
    fn of(id: u32) -> Self {
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self::listed(id, &users)
    }

    /// Returns the user with this number, as `/etc/passwd` describes it.
    #[cfg(any(unix, test))]
    fn listed(id: u32, users: &str) -> Self {
        let entry = users.lines().find_map(|line| {
            let fields: Vec<_> = line.split(':').collect();
            let is_it = fields.get(2)?.parse() == Ok(id);
            is_it.then(|| (fields[0].to_owned(), fields.get(6).copied().unwrap_or("")))
        });
        let (name, shell) = entry.unzip();
        let shell = shell.unwrap_or_default();
        Self {
            id,
            name,
            can_log_in: !(shell.ends_with("/nologin") || shell.ends_with("/false")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_as_the_list_of_users_does() {
        let users = "root:x:0:0:root:/root:/bin/bash\n\
                     siem:x:998:998::/var/lib/siem:/usr/sbin/nologin\nbroken\n";
        for (id, sudo, chown, can_log_in) in [
            (0, "root", "root:", true),
            (998, "siem", "siem:", false),
            (4242, "'#4242'", "4242", true),
        ] {
            let account = Account::listed(id, users);
            assert_eq!(account.sudo_word(), sudo);
            assert_eq!(account.chown_word(), chown);
            assert_eq!(account.can_log_in(), can_log_in);
            assert_eq!(account.is_root(), id == 0);
            assert!(account.is_same(&Account::listed(id, "")), "{account:?}");
            assert!(!account.is_same(&Account::listed(1, users)), "{account:?}");
        }
    }
}
