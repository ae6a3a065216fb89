//! One bad archive among good ones.

use crate::harness::{Installation, SIEM};
use crate::told::Told;
use mimecast_sandbox::{Batch, Endpoint, ZipEntry, at, changes};

#[test]
fn an_archive_with_the_same_fault_in_three_runs_is_kept_and_what_verifies_is_published() {
    let place = Installation::connected();
    let entries = [
        ZipEntry::new("receipt_1.siem", "a=1\n"),
        ZipEntry::symlink("link.siem", "/etc/passwd"),
    ];
    let batch = Batch::repacked_each_time(entries).with_lines(["a=1"]);
    place.serve(batch);
    place.serve(Batch::realistic(1, 20));
    let told = Told::of_runs(&place, SIEM, [75, 75, 65, 0]);
    told.assert_once("an archive is damaged");
    place.assert_siem_complete();
    let kept = place.quarantined();
    let raw = kept.iter().find(|name| name.ends_with(".raw"));
    let raw = place
        .path("checkpoint/quarantine")
        .join(raw.expect("its bytes are kept"));
    let bytes = std::fs::read(raw).expect("readable");
    let link = b"/etc/passwd";
    assert!(bytes.windows(link.len()).any(|part| part == link));
}

#[test]
fn an_archive_of_no_bytes_once_is_a_fault_on_the_way() {
    let place = Installation::with_batches(0..4, 30);
    place.next(Endpoint::Siem, |_| ());
    place.next(Endpoint::Siem, changes::Failing::Empty.change());
    place.collects_logs();
}

#[test]
fn an_archive_with_a_lasting_fault_is_given_up_by_a_copy_that_shows_it() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let place = Installation::connected();
    let entries = [
        ZipEntry::new("receipt_1.siem", "a=1\n"),
        ZipEntry::symlink("link.siem", "/etc/passwd"),
    ];
    place.serve(Batch::repacked_each_time(entries).with_lines(["a=1"]));
    place.serve(Batch::realistic(1, 20));
    place.siem_ends([75, 75]);
    let answers = AtomicUsize::new(0);
    place.always_at(Endpoint::Siem, at::batch(0), move |reply| {
        if answers.fetch_add(1, Ordering::Relaxed) == 1 {
            changes::truncated(40)(reply); // the second copy is cut on the way
        }
    });
    place.siem();
    place.siem();
    place.assert_siem_complete();
}
