//! Proof that the syslog receiver cuts, garbles, closes and dies as real ones do.

use std::io::{Read as _, Write as _};
use std::net::UdpSocket;
use std::time::Duration;

use super::by_hand::{
    End, connect, connect_tls, ends_orderly, eventually, rest, rest_for_now, send, send_and_end,
};
use super::{Framing, Syslog, Transport};

fn tcp(framing: Framing) -> Syslog {
    Syslog::builder(Transport::Tcp).framing(framing).start()
}

#[test]
fn cuts_and_garbles_by_framing() {
    use Framing::{Auto, Counted, Newline};
    let cases: [(Framing, &str, &[&str], usize); 13] = [
        (Newline, "<1>a\n<1>b\n", &["<1>a", "<1>b"], 0),
        (Newline, "4 <1>a4 <1>b", &["4 <1>a4 <1>b"], 0),
        (Newline, "\n<1>a\n\n<1>b", &["<1>a", "<1>b"], 0),
        (Counted, "4 <1>a6 <1>b\nc", &["<1>a", "<1>b\nc"], 0),
        (Counted, "<1>a\n", &[], 1),
        (Counted, "4 <1>a<1>b\n", &["<1>a"], 1),
        (Counted, "4 <1>a\n4 <1>b", &["<1>a"], 1),
        (Counted, "9 <1>a", &[], 0),
        (Counted, "04 <1>a", &[], 1),
        (Auto, "4 <1>a<1>b\n4 <1>c", &["<1>a", "<1>b", "<1>c"], 0),
        (Auto, "2026-01-02 text\n", &[], 1),
        (Auto, "4: text\n", &[], 1),
        (Auto, "1234567890123 text", &[], 1),
    ];
    for (framing, sent, kept, refusals) in cases {
        let receiver = tcp(framing);
        let end = send_and_end(receiver.address(), sent.as_bytes());
        assert_ne!(end, End::Open, "{framing:?} {sent:?}");
        assert_eq!(receiver.messages(), kept, "{framing:?} {sent:?}");
        assert_eq!(receiver.refusals().len(), refusals, "{framing:?} {sent:?}");
    }
}

#[test]
fn closes_before_the_peer_if_the_framing_is_refused() {
    let receiver = tcp(Framing::Counted);
    let mut stream = connect(receiver.address());
    stream.write_all(b"<1>a\n").unwrap();
    assert_ne!(rest(&mut stream).1, End::Open);
    assert_eq!(receiver.connections(), 1);
}

#[test]
fn answers_a_half_close_after_everything_is_handled() {
    let receiver = Syslog::start(Transport::Tcp);
    let sent: String = (0..2000).map(|number| format!("<1>{number}\n")).collect();
    assert_eq!(
        send_and_end(receiver.address(), sent.as_bytes()),
        End::Orderly
    );
    assert_eq!(receiver.messages().len(), 2000);
    assert_eq!(receiver.messages()[1999], "<1>1999");
    assert_eq!(receiver.raw_messages()[0], b"<1>0");
}

#[test]
fn commits_faults_of_a_connection_in_order() {
    let receiver = Syslog::start(Transport::Tcp);
    let address = receiver.address();
    receiver.resets_after(2);
    receiver.resets_after(0);
    receiver.never_closes();
    receiver.stalls();
    receiver.serves();
    let sent = b"<1>a\n<1>b\n";
    assert_eq!(send_and_end(address, sent), End::Reset);
    assert_eq!(receiver.messages(), ["<1>a", "<1>b"], "all of the batch");
    assert_eq!(send_and_end(address, sent), End::Reset);
    assert_eq!(receiver.messages().len(), 2);
    assert_eq!(rest_for_now(&mut send(address, sent)).1, End::Open);
    assert_eq!(receiver.messages().len(), 4);
    assert_eq!(rest_for_now(&mut send(address, sent)).1, End::Open);
    assert_eq!(receiver.messages().len(), 4);
    assert_eq!(send_and_end(address, sent), End::Orderly);
    assert_eq!(send_and_end(address, sent), End::Orderly);
    assert_eq!(receiver.messages().len(), 8);
    assert_eq!(receiver.connections(), 6);
}

#[test]
fn resets_while_the_peer_still_sends() {
    let receiver = Syslog::start(Transport::Tcp);
    receiver.resets_after(1);
    let mut stream = connect(receiver.address());
    stream.write_all(b"<1>a\n<1>b\n<1>c\n").unwrap();
    assert_eq!(rest(&mut stream).1, End::Reset);
    assert_eq!(receiver.messages(), ["<1>a"]);
}

#[test]
fn dies_with_all_its_connections_and_comes_back() {
    let receiver = Syslog::start(Transport::Tcp);
    let mut witness = connect(receiver.address());
    eventually(|| receiver.connections() == 1);
    assert_eq!(send_and_end(receiver.address(), b"<1>a\n"), End::Orderly);
    assert_eq!(rest_for_now(&mut witness).1, End::Open);
    receiver.dies_after_reading(2);
    let end = send_and_end(receiver.address(), b"<1>b\n<1>c\n<1>d\n");
    assert_eq!(end, End::Orderly, "the kernel has given away every byte");
    assert_eq!(rest(&mut witness).1, End::Orderly);
    assert_eq!(receiver.messages(), ["<1>a"]);
    // also while the peer keeps its side open
    receiver.dies_after_reading(1);
    let mut stream = connect(receiver.address());
    stream.write_all(b"<1>e\n").unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    assert_eq!(stream.read(&mut [0; 9]).unwrap(), 0);
    assert_eq!(send_and_end(receiver.address(), b"<1>f\n"), End::Orderly);
    assert_eq!(receiver.messages(), ["<1>a", "<1>f"]);
}

#[test]
fn an_idle_connection_leaves_the_fault_to_another() {
    let receiver = Syslog::start(Transport::Tls);
    receiver.stalls();
    let mut witness = connect_tls(receiver.address(), receiver.ca_pem(), None);
    witness.conn.complete_io(&mut witness.sock).unwrap();
    witness.conn.send_close_notify();
    witness.flush().unwrap();
    assert!(ends_orderly(&mut witness));
    let mut stream = connect_tls(receiver.address(), receiver.ca_pem(), None);
    stream.write_all(b"4 <1>a").unwrap();
    assert_eq!(receiver.messages().len(), 0);
    stream
        .sock
        .set_read_timeout(Some(Duration::from_millis(60)))
        .unwrap();
    assert!(!ends_orderly(&mut stream));
}

#[test]
fn speaks_tls_and_says_goodbye() {
    let receiver = Syslog::builder(Transport::Tls)
        .framing(Framing::Counted)
        .start();
    let speak = |text: &str, ends: bool| {
        let mut stream = connect_tls(receiver.address(), receiver.ca_pem(), None);
        stream.write_all(text.as_bytes()).unwrap();
        if ends {
            stream.conn.send_close_notify();
            stream.flush().unwrap();
        }
        ends_orderly(&mut stream)
    };
    assert!(speak("4 <1>a4 <1>b", true));
    assert_eq!(receiver.messages(), ["<1>a", "<1>b"]);
    assert!(!speak("<1>c\n", false), "refused at once");
    receiver.resets_after(1);
    assert!(!speak("4 <1>d4 <1>e", true));
    receiver.dies_after_reading(1);
    assert!(
        !speak("4 <1>f", true),
        "a killed process sends no close_notify"
    );
    assert_eq!(receiver.messages(), ["<1>a", "<1>b", "<1>d"]);
}

#[test]
fn asks_for_a_client_certificate() {
    let receiver = Syslog::builder(Transport::Tls)
        .requires_client_certificate()
        .start();
    let other = Syslog::start(Transport::Tls);
    let cases = [
        (Some(receiver.client_pem()), true),
        (Some(other.client_pem()), false),
        (None, false),
    ];
    for (client, is_welcome) in cases {
        let mut stream = connect_tls(receiver.address(), receiver.ca_pem(), client);
        // A refusal may come before or after the client's first bytes.
        let _ = stream.write_all(b"4 <1>a");
        stream.conn.send_close_notify();
        let _ = stream.flush();
        assert_eq!(ends_orderly(&mut stream), is_welcome);
    }
    assert_eq!(receiver.messages(), ["<1>a"]);
}

#[test]
fn keeps_datagrams_and_ends() {
    let receiver = Syslog::start(Transport::Udp);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for text in ["<1>a", "<1>b\n"] {
        sender.send_to(text.as_bytes(), receiver.address()).unwrap();
    }
    assert_eq!(receiver.wait_for(2), ["<1>a", "<1>b\n"]);
    let address = receiver.address();
    drop(receiver);
    UdpSocket::bind(address).expect("the thread has ended");
}

#[test]
fn ends_its_connections_and_can_come_back() {
    let receiver = Syslog::start(Transport::Tcp);
    receiver.stalls();
    let address = receiver.address();
    let mut stream = connect(address);
    stream.write_all(b"<1>a\n").unwrap();
    drop(receiver);
    assert_ne!(rest(&mut stream).1, End::Open);
    let receiver = Syslog::builder(Transport::Tcp).at(address).start();
    assert_eq!(send_and_end(address, b"<1>b\n"), End::Orderly);
    assert_eq!(receiver.messages(), ["<1>b"]);
}
