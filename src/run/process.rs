//! Protects a process that holds secrets, and asks the platform what it allows.

use std::io;
use std::path::Path;

/// Switches off core dumps and debuggers of the same user. A panic then logs its place, not its payload.
pub fn protect_secrets() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panic");
    }));
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        // if the system refuses this, the administrator's own limit applies
        let _ = setrlimit(
            Resource::Core,
            Rlimit {
                current: Some(0),
                maximum: Some(0),
            },
        );
        // with this signal caught, a write beyond the size limit is an error and does not end the process
        let size_limit = signal_hook::consts::SIGXFSZ;
        let _ = signal_hook::flag::register(size_limit, std::sync::Arc::default());
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Starts and ends a thread, because the libraries start threads without a check.
///
/// # Errors
/// The error of the operating system, if the host allows no more threads.
pub fn can_start_threads() -> io::Result<()> {
    let started = std::thread::Builder::new().spawn(|| ());
    started.map(|thread| drop(thread.join()))
}

/// True if a file can be renamed from one folder into the other.
#[cfg(unix)]
pub fn same_file_system(one: &Path, other: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(std::fs::metadata(one)?.dev() == std::fs::metadata(other)?.dev())
}

/// Returns the name of this host. Empty if the system does not tell it.
#[cfg(unix)]
pub fn host_name() -> String {
    let names = rustix::system::uname();
    names.nodename().to_string_lossy().into_owned()
}

/// Returns the name of this host. Empty if the system does not tell it.
#[cfg(not(unix))]
pub fn host_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

/// Returns the bytes that an ordinary user may still write in a folder, if the system tells.
#[cfg(unix)]
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

/// Always `None`: Windows tells this through calls that need unsafe code.
#[cfg(not(unix))]
pub fn free_bytes(_: &Path) -> Option<u64> {
    None
}

/// Always true: on Windows the first rename shows if both folders are on one volume.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "the Unix twin can fail")]
pub fn same_file_system(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Returns the names of a folder's user and group, or their numbers. `None` if the system does not tell.
#[cfg(unix)]
pub fn owner_names(folder: &Path) -> Option<(String, String)> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(folder).ok()?;
    let named = |file: &str, id: u32| {
        let entries = std::fs::read_to_string(file).unwrap_or_default();
        let id = id.to_string();
        let name = entries.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1) == Some(&*id)).then(|| name.to_owned())
        });
        name.unwrap_or(id)
    };
    Some((
        named("/etc/passwd", metadata.uid()),
        named("/etc/group", metadata.gid()),
    ))
}

/// Returns `None`: on Windows several users and groups own a folder.
#[cfg(not(unix))]
pub fn owner_names(_: &Path) -> Option<(String, String)> {
    None
}

/// True if standard error goes to systemd's journal.
///
/// systemd sets `JOURNAL_STREAM` to the device and inode of the stream:
/// <https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html>.
#[cfg(unix)]
pub fn stderr_is_journal() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let Ok(stat) = rustix::fs::fstat(std::io::stderr()) else {
        return false;
    };
    named == format!("{}:{}", stat.st_dev, stat.st_ino)
}

/// False: only Linux has the journal.
#[cfg(not(unix))]
pub const fn stderr_is_journal() -> bool {
    false
}
