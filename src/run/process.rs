//! What a process that holds secrets does to itself, and what it asks of the platform.

use std::io;
use std::path::Path;

/// No core dump, no debugger of the same user, and a panic that tells its place and no payload.
pub fn harden() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panic");
    }));
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        // where it is refused, the limit that holds is the administrator's own
        let _ = setrlimit(
            Resource::Core,
            Rlimit {
                current: Some(0),
                maximum: Some(0),
            },
        );
        // a limit on the size of files is then an error of the write, not the end of the process
        let size_limit = signal_hook::consts::SIGXFSZ;
        let _ = signal_hook::flag::register(size_limit, std::sync::Arc::default());
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Whether the host lets this program have threads, which the libraries below it start without asking.
///
/// # Errors
/// As the operating system says.
pub fn can_start_threads() -> io::Result<()> {
    let started = std::thread::Builder::new().spawn(|| ());
    started.map(|thread| drop(thread.join()))
}

/// Whether a file can be renamed from one folder into the other.
#[cfg(unix)]
pub fn same_file_system(one: &Path, other: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(std::fs::metadata(one)?.dev() == std::fs::metadata(other)?.dev())
}

/// Whether a file can be renamed from one folder into the other: on Windows the first rename tells.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "the Unix twin can fail")]
pub fn same_file_system(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(true)
}
