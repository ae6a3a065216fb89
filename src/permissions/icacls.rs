//! Calls of Windows' own programs, by their full paths.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use uuid::Uuid;
use wait_timeout::ChildExt as _;

use super::{Target, sddl};

/// The longest time for a program of the system: far more than any needs.
const RUN_LIMIT: Duration = Duration::from_secs(30);
const SYSTEM: &str = "S-1-5-18";
const ADMINISTRATORS: &str = "S-1-5-32-544";

/// The SID of the user of this process. Stored after the first call, because it does not change.
static USER: OnceLock<String> = OnceLock::new();

/// Replaces inherited rights by full rights for three accounts.
///
/// It names the user instead of the owner. A file of an elevated administrator can belong to the
/// Administrators. A scheduled task of the same user lacks their rights.
pub(super) fn grant(path: &Path, target: Target) -> io::Result<()> {
    let rights = match target {
        Target::File => "F",
        Target::Folder => "(OI)(CI)F",
    };
    let grants = [user()?, SYSTEM, ADMINISTRATORS].map(|sid| format!("*{sid}:{rights}"));
    let options = ["/inheritance:r", "/grant:r"].map(str::to_owned);
    let words = options.iter().chain(&grants).map(OsStr::new);
    run("icacls.exe", [named(path)].into_iter().chain(words)).map(drop)
}

/// Returns the access list as text.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let copy = Copy(std::env::temp_dir().join(format!("{}.acl", Uuid::new_v4())));
    let words = [named(path), OsStr::new("/save"), copy.0.as_os_str()];
    run("icacls.exe", words)?;
    let bytes = fs::read(&copy.0)?;
    sddl::of_saved(&bytes).ok_or_else(|| io::Error::other("icacls.exe did not save an access list"))
}

/// Returns the path for `icacls.exe`. A path that is not Unicode stays unchanged.
fn named(path: &Path) -> &OsStr {
    let short = path.to_str().map(sddl::short).map(OsStr::new);
    short.unwrap_or(path.as_os_str())
}

/// A temporary copy of the list, under a name that other users cannot guess.
struct Copy(PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // a leftover names accounts and holds no secret
    }
}

fn user() -> io::Result<&'static str> {
    if let Some(sid) = USER.get() {
        return Ok(sid);
    }
    let said = run("whoami.exe", ["/user", "/fo", "csv", "/nh"])?;
    let sid = sddl::sid_of(&String::from_utf8_lossy(&said)).map(str::to_owned);
    let sid = sid.ok_or_else(|| io::Error::other("whoami.exe did not name the user"))?;
    Ok(USER.get_or_init(|| sid))
}

/// Runs a program of the system and returns its standard output.
fn run<A: AsRef<OsStr>>(name: &str, words: impl IntoIterator<Item = A>) -> io::Result<Vec<u8>> {
    let root = std::env::var_os("SystemRoot");
    let root = root.ok_or_else(|| io::Error::other("the variable SystemRoot is not set"))?;
    let program = Path::new(&root).join("System32").join(name);
    let said = |what: String| io::Error::other(format!("{}: {what}", program.display()));
    let mut command = Command::new(&program);
    command.args(words).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| said(error.to_string()))?;
    let Some(status) = child.wait_timeout(RUN_LIMIT)? else {
        child.kill()?;
        return Err(said(format!(
            "did not end within {} seconds",
            RUN_LIMIT.as_secs()
        )));
    };
    let mut output = Vec::new();
    if let Some(mut stdout) = child.stdout {
        stdout.read_to_end(&mut output)?; // a few lines, which fit into the pipe
    }
    match status.code() {
        Some(0) => Ok(output),
        code => Err(said(format!("exit code {}", code.unwrap_or(-1)))),
    }
}
