//! Measures the floors, below which a collector cannot be, and the Python collector to compare with.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::cost::Cost;
use mimecast_sandbox::Sandbox;

type List = Arc<Mutex<Vec<Arc<[u8]>>>>;

/// A plain listener on the loopback interface with the bodies of the simulator. It does not check
/// signatures or positions, so that `curl` can fetch the bodies.
pub(crate) struct Bodies {
    list: List,
    url: String,
}

impl Default for Bodies {
    fn default() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = listener.local_addr().expect("it is bound");
        let list = List::default();
        let shared = Arc::clone(&list);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let list = Arc::clone(&shared);
                thread::spawn(move || serve(&stream, &list));
            }
        });
        Self {
            list,
            url: format!("http://{address}"),
        }
    }
}

impl Bodies {
    pub(crate) fn add(&self, body: Arc<[u8]>) {
        self.list.lock().expect("nobody panics").push(body);
    }

    /// The bytes of all bodies together.
    pub(crate) fn total(&self) -> u64 {
        let list = self.list.lock().expect("nobody panics");
        list.iter().map(|body| body.len() as u64).sum()
    }

    /// Measures a download of all bodies over one connection.
    pub(crate) fn download(&self, folder: &Path) -> Option<Cost> {
        let mut list = String::new();
        for number in 0..self.list.lock().expect("nobody panics").len() {
            let _ = writeln!(list, "url = {}/{number}\noutput = /dev/null", self.url);
        }
        let place = folder.join("urls");
        fs::write(&place, list).expect("room for a list");
        let mut curl = Command::new("curl");
        cost(curl.args(["--silent", "--fail", "--config"]).arg(place))
    }
}

/// Answers `GET /<number>` until the client closes the connection.
fn serve(stream: &TcpStream, list: &List) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(line)) = lines.next() {
        let Some(path) = line.strip_prefix("GET /") else {
            continue; // a header, or the empty line after them
        };
        let number: usize = path.split(' ').next()?.parse().ok()?;
        let body = Arc::clone(list.lock().ok()?.get(number)?);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut output = stream;
        output.write_all(head.as_bytes()).ok()?;
        output.write_all(&body).ok()?;
    }
    Some(())
}

/// Measures unpacking: archive after archive, with a sync of each one's files before the next.
pub(crate) fn unpack(archives: &[PathBuf], folder: &Path) -> Option<Cost> {
    const SCRIPT: &str = r#"
        set -e
        for archive; do
            unzip -q -d "$archive.d" "$archive"
            sync "$archive.d"/* "$archive.d"
        done"#;
    let mut shell = Command::new("sh");
    let found = cost(shell.args(["-c", SCRIPT, "sh"]).args(archives));
    for archive in archives {
        let _ = fs::remove_dir_all(folder.join(archive.with_extension("zip.d")));
    }
    found
}

/// Measures unpacking of objects, with a sync after each thirty-two, as in a collector's commit.
pub(crate) fn gunzip(objects: &[PathBuf], folder: &Path) -> Option<Cost> {
    const SCRIPT: &str = r#"
        set -e
        for object; do
            gunzip -k -f "$object"
        done
        ls "$FOLDER" | grep -v gz | sed "s|^|$FOLDER/|" | xargs -n 32 sync"#;
    let mut shell = Command::new("sh");
    shell.env("FOLDER", folder);
    let found = cost(shell.args(["-c", SCRIPT, "sh"]).args(objects));
    for object in objects {
        let _ = fs::remove_file(object.with_extension(""));
    }
    found
}

/// Returns the path of the interpreter itself, because the cost of a wrapper would count too.
pub(crate) struct Python(PathBuf);

impl Python {
    pub(crate) fn find() -> Option<Self> {
        let code = "import sys; print(sys.executable)";
        let output = Command::new("python3").args(["-c", code]).output().ok()?;
        let path = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| Self(path.trim().into()))
    }

    /// Measures a collection from the beginning, into a temporary folder.
    pub(crate) fn collect(&self, sandbox: &Sandbox, how: &str, folder: &Path) -> Option<Cost> {
        let folder = tempfile::tempdir_in(folder).expect("a folder");
        let account = sandbox.account();
        let mut python = Command::new(&self.0);
        python
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/reference.py"))
            .args([how, &sandbox.url()])
            .arg(folder.path())
            .env("APP_ID", account.app_id)
            .env("APP_KEY", account.app_key)
            .env("ACCESS_KEY", account.access_key)
            .env("SECRET_KEY", account.secret_key);
        cost(&mut python)
    }
}

/// Returns the cost of a program. If it is missing or fails, prints that and returns `None`.
fn cost(command: &mut Command) -> Option<Cost> {
    let name = command.get_program().to_owned();
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
    let why = match Cost::of(quiet) {
        Ok((cost, Output { status, .. })) if status.success() => return Some(cost),
        Ok((_, Output { status, .. })) => status.to_string(),
        Err(error) => error.to_string(),
    };
    eprintln!("not measured: {}: {why}", name.display());
    None
}
