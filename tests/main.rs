//! The promises, proved from outside: the programs as processes against an independent simulator.

#![allow(
    clippy::disallowed_methods,
    reason = "a test may do what the product must not"
)]

mod agent; // an agent that reads, deletes or moves
mod archives; // P1 and P4 for archives of every kind of wrongness
mod audit; // P1 to P4 for audit events: windows, overlap, late events, odd pages
mod canaries; // P6: what the harness searches for after every run
mod check; // P7: authentication_setup check
mod cli; // P7: exit codes, messages, --json, help
mod clocks; // P1 and P2 when a clock is wrong or much time has passed
mod crash; // P2 and P3 when the programs are killed
mod damage; // P1 and P2 when state is damaged, lost or foreign
mod dashboards; // golden lines: what the published dashboards' patterns find
mod delivery; // P1, P2, P4, P6 and P7 for destinations
mod disorder; // P1, P2, P4 and P7 for one bad item among good ones
mod documents; // links and anchors of all pages
mod dry_run; // P7: what a run would begin with
mod empties; // P1, P2 and P7 for answers without content
mod events; // P1 to P4 for e-mail events under API 2.0
mod fault_list; // docs/FAULTS.md names what exists
mod faults; // P4 and P7 for answers of every kind of wrongness
mod folders; // P1 to P4 when folders and names are not as they were left
mod harness;
mod import; // P1, P2, P6 and P7 for what the Python scripts left
mod lapse; // P1, P2 and P5 when days pass between two runs
mod layers; // which module may import which
mod ledgers; // the agent and what was told, proved themselves
#[cfg(target_os = "linux")]
mod memory; // what an answer of 16 MB takes
mod neighbours; // P1, P4 and P7 for what stands beside a bad item, list, page or type
mod old_state; // P1 and P2 for the state of an earlier version
mod owner; // P2 and P5 when data folders, states or locks are not what they were
mod pruning; // what grows old is deleted, and nothing else
#[cfg(unix)]
mod rehearsal; // P7: what the sandbox prints, and the codes of its troubles
mod replay; // P2 for a range that is fetched again
#[cfg(unix)]
mod root; // P7: whose files are made and replaced
mod schedule; // what `schedule` prints, installs and removes
mod secrets; // P6
mod setup; // the setup without questions
mod siem; // P1 to P5 for e-mail logs
mod told; // a ledger of what was told
mod watching; // P7: status, history and verify
#[cfg(windows)]
mod windows; // what only Windows can get in the way of
mod wizard; // the setup in a terminal
