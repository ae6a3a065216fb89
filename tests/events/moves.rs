//! The move from API 2.0 to API 1.0, which publish into the same folder.

use super::serve;
use crate::harness::Installation;
use mimecast_sandbox::Batch;

#[test]
fn the_first_run_of_1_0_beside_files_of_2_0_reports_no_lost_state() {
    let place = Installation::connected_by_token();
    serve(&place, "receipt", 0..2);
    place.collects_objects();
    let before = place.files("mta");

    place.configure("");
    place.write_credentials(place.sandbox.account().secret_key);
    place.serve(Batch::realistic(1, 20));
    place.siem().stays_silent();
    place.assert_unchanged("mta", &before);
    assert!(place.files("mta").len() > before.len());
}
