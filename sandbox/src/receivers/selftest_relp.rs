//! Proof that the RELP server acknowledges, refuses and complains as the protocol text says.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use super::by_hand::{End, connect, connect_tls, rest, rest_for_now, send_and_end};
use super::{Syslog, Transport};

const OPEN: &str = "1 open 52 relp_version=0\nrelp_software=by hand\ncommands=syslog\n";

fn open(receiver: &Syslog) -> TcpStream {
    let mut stream = connect(receiver.address());
    stream.write_all(OPEN.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"commands=syslog\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    let (head, offers) = answer.split_at(9);
    let expected = format!("1 rsp {} ", offers.len() - 1);
    assert_eq!(head, expected.as_bytes());
    assert!(offers.starts_with(b"200 OK\nrelp_version=0\n"));
    stream
}

/// Sends frames after `open`, ends its side, and returns everything that comes back.
fn say(receiver: &Syslog, frames: &str) -> (String, End) {
    let mut stream = open(receiver);
    stream.write_all(frames.as_bytes()).unwrap();
    // The server may have closed already.
    let _ = stream.shutdown(Shutdown::Write);
    rest(&mut stream)
}

#[test]
fn acknowledges_each_frame_and_the_end() {
    let receiver = Syslog::start(Transport::Relp);
    let frames = "2 syslog 4 <1>a\n3 syslog 6 <1>b\nc\n4 syslog 0\n5 close 0\n";
    let (answer, end) = say(&receiver, frames);
    assert_eq!(
        answer,
        "2 rsp 6 200 OK\n3 rsp 6 200 OK\n4 rsp 6 200 OK\n5 rsp 0\n0 serverclose 0\n"
    );
    assert_eq!(end, End::Orderly);
    assert_eq!(receiver.messages(), ["<1>a", "<1>b\nc", ""]);
}

#[test]
fn reads_frames_in_pieces() {
    let receiver = Syslog::start(Transport::Relp);
    let mut stream = open(&receiver);
    for byte in b"2 syslog 4 <1>a\n3 close 0\n" {
        stream.write_all(&[*byte]).unwrap();
    }
    assert_eq!(
        rest(&mut stream).0,
        "2 rsp 6 200 OK\n3 rsp 0\n0 serverclose 0\n"
    );
}

#[test]
fn complains_about_frames_that_break_the_protocol() {
    let frames = [
        "3 syslog 4 <1>a\n",
        "0 syslog 4 <1>a\n",
        "02 syslog 4 <1>a\n",
        "2  syslog 4 <1>a\n",
        "2 syslog 3 <1>a\n",
        "2 syslog 5 <1>ab3 syslog",
        "2 syslog 0 \n",
        "2 syslog 4\n<1>a\n",
        "2 syslog 04 <1>a\n",
        "2 syslog 999999 <1>a\n",
        "2 other 0\n",
        "2 open 0\n",
        "2 close 1 a\n",
        "<134>1 no frame\n",
        "1234567890 syslog 4 <1>a\n",
    ];
    for frame in frames {
        let receiver = Syslog::start(Transport::Relp);
        receiver.allow_complaints();
        assert_eq!(say(&receiver, frame).0, "", "{frame:?}");
        assert_eq!(receiver.complaints().len(), 1, "{frame:?}");
        assert_eq!(receiver.messages().len(), 0, "{frame:?}");
    }
    let receiver = Syslog::start(Transport::Relp);
    receiver.allow_complaints();
    let offers = [
        "1 syslog 4 <1>a\n",
        "1 open 0\n",
        "1 open 30 relp_version=7\ncommands=syslog\n",
        "1 open 30 relp_version=0\ncommands=rubber\n",
        "1 close 0\n",
    ];
    for (count, offer) in offers.iter().enumerate() {
        send_and_end(receiver.address(), offer.as_bytes());
        assert_eq!(receiver.complaints().len(), count + 1, "{offer:?}");
    }
}

#[test]
fn numbers_begin_again_after_the_last() {
    use super::relp_frame::{LAST_TXNR, take};
    let mut bytes = format!("{LAST_TXNR} syslog 1 a\n1").into_bytes();
    assert_eq!(take(&mut bytes).unwrap().unwrap().txnr, LAST_TXNR);
    assert_eq!(take(&mut bytes), Ok(None));
    assert_eq!(bytes, b"1");
}

#[test]
#[should_panic(expected = "transaction 5 where 2 is due")]
fn panics_at_the_end_if_a_client_broke_the_protocol() {
    let receiver = Syslog::start(Transport::Relp);
    say(&receiver, "5 syslog 4 <1>a\n");
}

#[test]
fn commits_faults_on_command() {
    let four = "2 syslog 4 <1>a\n3 syslog 4 <1>b\n4 syslog 4 <1>c\n5 syslog 4 <1>d\n";
    let acks = |numbers: &[u32]| -> String {
        let acks = numbers.iter();
        acks.map(|number| format!("{number} rsp 6 200 OK\n"))
            .collect()
    };
    let goodbye = "0 serverclose 0\n";
    type Case<'a> = (&'a str, fn(&Syslog), String, &'a [&'a str]);
    let cases: [Case<'_>; 7] = [
        (
            "serves",
            |receiver| receiver.serves(),
            acks(&[2, 3, 4, 5]),
            &["<1>a", "<1>b", "<1>c", "<1>d"],
        ),
        (
            "refuses",
            |receiver| receiver.refuses(">b"),
            format!("{}3 rsp 11 500 refused\n{}", acks(&[2]), acks(&[4, 5])),
            &["<1>a", "<1>c", "<1>d"],
        ),
        (
            "late acknowledgements come at last",
            |receiver| receiver.acks_late(3),
            acks(&[2, 3, 4]),
            &["<1>a", "<1>b", "<1>c", "<1>d"],
        ),
        (
            "lost",
            |receiver| receiver.loses_connection_after_acks(2),
            acks(&[2, 3]),
            &["<1>a", "<1>b"],
        ),
        (
            "handled, but the acknowledgement is lost",
            |receiver| {
                receiver.acks_late(3);
                receiver.loses_connection_after_acks(1);
            },
            acks(&[2]),
            &["<1>a", "<1>b", "<1>c"],
        ),
        (
            "serverclose",
            |receiver| receiver.serverclose_after(3),
            format!("{}{goodbye}", acks(&[2, 3, 4])),
            &["<1>a", "<1>b", "<1>c"],
        ),
        (
            "dies",
            |receiver| receiver.dies_after_reading(2),
            String::new(),
            &[],
        ),
    ];
    for (name, fault, answer, kept) in cases {
        let receiver = Syslog::start(Transport::Relp);
        fault(&receiver);
        let (answered, _) = say(&receiver, four);
        assert!(answered.starts_with(&answer), "{name}: {answered}");
        assert_eq!(receiver.messages(), kept, "{name}");
    }
}

#[test]
fn holds_acknowledgements_until_the_peer_is_quiet() {
    let receiver = Syslog::start(Transport::Relp);
    receiver.acks_late(9);
    let mut stream = open(&receiver);
    stream
        .write_all(b"2 syslog 4 <1>a\n3 syslog 4 <1>b\n")
        .unwrap();
    let mut answer = [0; 30];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"2 rsp 6 200 OK\n3 rsp 6 200 OK\n");
    stream.write_all(b"4 syslog 4 <1>c\n5 close 0\n").unwrap();
    assert!(rest(&mut stream).0.starts_with("4 rsp 6 200 OK\n5 rsp 0\n"));
}

#[test]
fn refuses_to_open_or_never_answers() {
    let receiver = Syslog::start(Transport::Relp);
    receiver.refuses_open();
    receiver.stalls();
    let mut stream = connect(receiver.address());
    stream.write_all(OPEN.as_bytes()).unwrap();
    let (answer, end) = rest(&mut stream);
    assert_eq!(answer, "1 rsp 21 500 no common version\n0 serverclose 0\n");
    assert_eq!(end, End::Orderly);
    let mut stream = connect(receiver.address());
    stream.write_all(OPEN.as_bytes()).unwrap();
    assert_eq!(rest_for_now(&mut stream), (String::new(), End::Open));
}

#[test]
fn speaks_through_tls() {
    let receiver = Syslog::start(Transport::RelpTls);
    let mut stream = connect_tls(receiver.address(), receiver.ca_pem(), None);
    stream.write_all(OPEN.as_bytes()).unwrap();
    stream.write_all(b"2 syslog 4 <1>a\n3 close 0\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("2 rsp 6 200 OK\n3 rsp 0\n0 serverclose 0\n"));
    assert_eq!(receiver.messages(), ["<1>a"]);
}
