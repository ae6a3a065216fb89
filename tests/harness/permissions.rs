//! Who may open a file.

#[cfg(unix)]
use std::fs;
use std::path::Path;
#[cfg(windows)]
use std::process::Command;
#[cfg(windows)]
use std::sync::OnceLock;

#[cfg(unix)]
use super::Installation;

#[cfg(unix)]
pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the owner may");
}

#[cfg(unix)]
impl Installation {
    /// Gives a file, or a folder with all that is in it, to a user. Only root may.
    pub(crate) fn give_to(&self, user: u32, below: &str) {
        let path = self.path(below);
        std::os::unix::fs::chown(&path, Some(user), Some(user)).expect("root may");
        if path.is_dir() {
            for entry in fs::read_dir(&path).expect("a folder") {
                let entry = entry.expect("an entry").path();
                self.give_to(user, entry.to_str().expect("UTF-8"));
            }
        }
    }
}

/// Leaves a file to its owner, or opens it to everybody.
#[cfg(windows)]
pub(crate) fn set_mode(path: &Path, mode: u32) {
    static USER: OnceLock<String> = OnceLock::new();
    let user = USER.get_or_init(|| {
        let said = system("whoami.exe")
            .args(["/user", "/fo", "csv", "/nh"])
            .output();
        let said = String::from_utf8_lossy(&said.expect("it starts").stdout).into_owned();
        let sid = said.trim_end().rsplit('"').nth(1).expect("name and SID");
        sid.to_owned()
    });
    let others = mode & 0o077 != 0;
    let mut command = system("icacls.exe");
    command.arg(path).args(["/inheritance:r", "/grant:r"]);
    command.arg(format!("*{user}:F"));
    command.args(others.then_some("*S-1-1-0:F"));
    let done = command.output().expect("it starts");
    assert!(done.status.success(), "{done:?}");
}

/// A program of the system.
#[cfg(windows)]
pub(crate) fn system(name: &str) -> Command {
    let root = std::env::var_os("SystemRoot").expect("set on every Windows");
    Command::new(Path::new(&root).join("System32").join(name))
}
