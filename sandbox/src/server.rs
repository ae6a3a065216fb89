//! The listener: a thread per connection, HTTP/1.1 kept alive.

use std::io::BufReader;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::answer;
use crate::http::{self, Incoming};
use crate::service::Service;
use crate::wire::{self, After};

/// What the listener, its connections and the test share.
pub(crate) struct Shared {
    service: Mutex<Service>,
    stopping: AtomicBool,
    /// Counts connections, over all listeners.
    connections: AtomicU64,
}

/// Which of the sandbox's addresses a request came in at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// The service's, and the object store's as long as it has none of its own.
    Service,
    Store,
}

impl Shared {
    pub(crate) fn new(service: Service) -> Self {
        Self {
            service: Mutex::new(service),
            stopping: AtomicBool::new(false),
            connections: AtomicU64::new(0),
        }
    }

    /// The state; a test that panicked while it held the lock must not take the others down.
    pub(crate) fn service(&self) -> MutexGuard<'_, Service> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts to accept connections.
pub(crate) fn listen(listener: TcpListener, door: Door, shared: Arc<Shared>) -> JoinHandle<()> {
    thread::spawn(move || {
        for stream in listener.incoming() {
            if shared.stopping.load(Ordering::SeqCst) {
                return;
            }
            // A client that was killed between connect and accept is no reason to stop.
            let Ok(stream) = stream else { continue };
            let shared = Arc::clone(&shared);
            let number = shared.connections.fetch_add(1, Ordering::Relaxed);
            thread::spawn(move || serve(&stream, number, door, &shared));
        }
    })
}

/// Ends the listener and every open connection, also those in the middle of an answer.
pub(crate) fn stop(address: SocketAddr, shared: &Shared, listener: JoinHandle<()>) {
    shared.stopping.store(true, Ordering::SeqCst);
    for stream in shared.service().connections.values() {
        // The peer may have closed it already.
        let _ = stream.shutdown(Shutdown::Both);
    }
    // The listener sleeps in accept: a connection wakes it. If that fails there is nothing to join.
    if TcpStream::connect(address).is_ok() {
        let _ = listener.join();
    }
}

fn serve(stream: &TcpStream, number: u64, door: Door, shared: &Shared) {
    // Without it, the delayed acknowledgements of small answers would dominate every measurement.
    let _ = stream.set_nodelay(true);
    let Ok(registered) = stream.try_clone() else {
        return;
    };
    shared.service().connections.insert(number, registered);
    let _open = Open {
        stream,
        number,
        shared,
    };
    converse(stream, door, shared);
}

/// Hangs up when it goes, also when a change that a test supplied panics: the client must not wait for an answer then.
struct Open<'a> {
    stream: &'a TcpStream,
    number: u64,
    shared: &'a Shared,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.shared.service().connections.remove(&self.number);
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn converse(stream: &TcpStream, door: Door, shared: &Shared) {
    let (Ok(input), Ok(mut output)) = (stream.try_clone(), stream.try_clone()) else {
        return;
    };
    let mut input = BufReader::new(input);
    while !shared.stopping.load(Ordering::SeqCst) {
        let request = match http::read(&mut input) {
            Incoming::Request(request) => request,
            Incoming::Gone => return,
            Incoming::Unreadable(reason) => {
                shared.service().complaints.push(reason);
                return;
            }
        };
        let reply = answer::answer(shared, door, &request);
        match wire::send(&mut output, &reply, &shared.stopping) {
            Ok(After::Keep) if !request.is_last() => {}
            Ok(_) | Err(_) => return,
        }
    }
}
