//! Tests of replacing one file, on the model disk and on a real one.

#[cfg(unix)]
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use super::model::{Fault, Model, Renames};
use super::{Disk, Kind, Mode, SystemDisk, make_folder, read, replace};
#[cfg(unix)]
use super::{File, append, read_named, set_mode};

const FOLDER: &str = "/folder";
const FILE: &str = "/folder/file";

fn disk_with_old_content() -> Model {
    let disk = Model::new(&[Path::new(FOLDER)], Renames::Atomic);
    replace(&disk, Path::new(FILE), b"old", Mode::PRIVATE).unwrap();
    disk
}

fn content(disk: &Model) -> Vec<u8> {
    read(disk, Path::new(FILE), 100).unwrap()
}

#[test]
fn a_replaced_file_is_old_or_new_after_a_power_cut_at_any_step() {
    for step in 0..50 {
        let disk = disk_with_old_content();
        disk.plan(Some(Fault::StopAtChange(step)));
        let done = replace(&disk, Path::new(FILE), b"new", Mode::PRIVATE);
        for seed in 0..20 {
            let after = disk.reboot(seed);
            let found = content(&after);
            assert!(
                found == b"new" || (found == b"old" && done.is_err()),
                "step {step}, {seed}"
            );
            // leftovers do not block the next attempt
            replace(&after, Path::new(FILE), b"next", Mode::PRIVATE).unwrap();
            assert_eq!(content(&after.reboot(0)), b"next");
        }
        if done.is_ok() {
            assert!(step > 4, "only {step} steps were tried");
            return;
        }
    }
    panic!("it never succeeds");
}

#[test]
fn a_failed_replacement_leaves_no_temporary_file() {
    for call in 0..50 {
        let disk = disk_with_old_content();
        disk.plan(Some(Fault::FailCall(call, ErrorKind::StorageFull)));
        let done = replace(&disk, Path::new(FILE), b"new", Mode::PRIVATE);
        assert_eq!(disk.files(Path::new(FOLDER)).len(), 1, "call {call}");
        assert!(disk.forbidden_calls().is_empty());
        if done.is_ok() {
            return;
        }
    }
    panic!("it never succeeds");
}

#[test]
fn on_a_real_disk_a_file_gets_exactly_its_mode_and_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/file");
    make_folder(path.parent().unwrap(), Mode::PRIVATE_FOLDER).unwrap();
    make_folder(path.parent().unwrap(), Mode::PRIVATE_FOLDER).unwrap();
    for content in [b"old", b"new"] {
        replace(&SystemDisk, &path, content, Mode(0o604)).unwrap();
        assert_eq!(read(&SystemDisk, &path, 3).unwrap(), content);
    }
    assert_eq!(
        read(&SystemDisk, &path, 2).unwrap_err().kind(),
        ErrorKind::FileTooLarge
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o604, 0o700));
    }
}

#[test]
fn on_a_real_disk_the_verbs_refuse_what_the_model_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let model = Model::new(&[Path::new(FOLDER)], Renames::Atomic);
    let disks: [(&dyn Disk, &Path); 2] = [(&SystemDisk, folder.path()), (&model, FOLDER.as_ref())];
    for (disk, folder) in disks {
        let [one, two, three] = ["one", "two", "three"].map(|name| folder.join(name));
        disk.create(&one, Mode::PRIVATE)
            .unwrap()
            .write_all(b"1")
            .unwrap();
        disk.create(&two, Mode::PRIVATE)
            .unwrap()
            .write_all(b"22")
            .unwrap();
        let refused = disk.create(&one, Mode::PRIVATE).map(drop).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
        assert!(disk.link(&one, &two).is_err() && disk.link(&three, &three).is_err());
        for missing in [
            disk.open(&three).map(drop),
            disk.remove(&three),
            disk.rename(&three, &one),
        ] {
            assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
        }
        disk.link(&one, &three).unwrap();
        disk.rename(&one, &three).unwrap(); // two names of one file: both stay
        disk.rename(&two, &three).unwrap();
        disk.sync_folder(folder).unwrap();
        let mut text = String::new();
        disk.open(&three)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "22");
        assert!(disk.entry(&two).unwrap().is_none());
        let mut listed = disk.list(folder).unwrap();
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        let names: Vec<_> = listed
            .iter()
            .map(|entry| (&*entry.name, entry.kind, entry.size))
            .collect();
        assert_eq!(names, [("one", Kind::File, 1), ("three", Kind::File, 2)]);
    }
}

/// Without a real sync the call would also succeed if the system refuses.
#[cfg(unix)]
#[test]
fn a_sync_is_the_systems_and_so_is_its_refusal() {
    use super::Handle;
    let mut device = std::fs::File::open("/dev/null").unwrap();
    assert!(Handle::sync(&mut device).is_err(), "a device keeps nothing");
    let folder = tempfile::tempdir().unwrap();
    let missing = SystemDisk.sync_folder(&folder.path().join("missing"));
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
}

#[cfg(unix)]
#[test]
fn a_pipe_a_device_or_a_folder_is_never_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    std::os::unix::fs::symlink(&pipe, &link).unwrap();
    for path in [&pipe, &link, Path::new("/dev/null"), folder.path()] {
        for error in [
            append(path, Mode(0o640)).unwrap_err(),
            read_named(path, 10).unwrap_err(),
            SystemDisk.open(path).err().expect("refused"),
        ] {
            assert_eq!(
                error.to_string(),
                "not a regular file",
                "{}",
                path.display()
            );
        }
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_is_added_to_gets_its_mode_and_keeps_its_content() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("log"), folder.path().join("link"));
    append(&path, Mode(0o640))
        .unwrap()
        .write_all(b"one ")
        .unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    append(&link, Mode(0o600))
        .unwrap()
        .write_all(b"two")
        .unwrap();
    assert_eq!(read_named(&link, 7).unwrap(), b"one two");
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[cfg(unix)]
#[expect(
    clippy::disallowed_methods,
    reason = "the test acts as another program"
)]
#[test]
fn the_mode_is_set_on_the_open_file_and_not_on_what_has_its_name() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let [name, moved] = ["name", "moved"].map(|name| folder.path().join(name));
    let file = File::create(&name).unwrap();
    fs::rename(&name, &moved).unwrap();
    fs::write(&name, "another file").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let before = mode(&name);
    set_mode(&file, Mode(0o604)).unwrap();
    assert_eq!((mode(&moved), mode(&name)), (0o604, before));
}
