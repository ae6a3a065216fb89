//! The listener of a receiver: a thread for each connection, and one place that ends them all.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The lock, also after a panic in a thread that held it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Knows the open connections of one receiver.
#[derive(Default)]
pub(super) struct Hub {
    doors: Mutex<Doors>,
    stopped: Condvar,
}

#[derive(Default)]
struct Doors {
    is_stopping: bool,
    accepted: usize,
    open: HashMap<usize, TcpStream>,
    threads: Vec<JoinHandle<()>>,
}

impl Hub {
    /// How many connections were accepted so far.
    pub(super) fn accepted(&self) -> usize {
        lock(&self.doors).accepted
    }

    /// True if neither the receiver nor a fault ended this connection.
    pub(super) fn is_open(&self, number: usize) -> bool {
        lock(&self.doors).open.contains_key(&number)
    }

    /// Ends every open connection, as the end of a process does.
    pub(super) fn drop_all(&self) {
        for (_, stream) in lock(&self.doors).open.drain() {
            // The peer may have closed it already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Waits; true if the receiver stops meanwhile.
    pub(super) fn wait(&self, pause: Duration) -> bool {
        let doors = lock(&self.doors);
        let waited = self
            .stopped
            .wait_timeout_while(doors, pause, |doors| !doors.is_stopping);
        let (doors, _) = waited.unwrap_or_else(PoisonError::into_inner);
        doors.is_stopping
    }

    fn register(&self, stream: &TcpStream) -> Option<usize> {
        let copy = stream.try_clone().ok()?;
        let mut doors = lock(&self.doors);
        if doors.is_stopping {
            return None;
        }
        doors.accepted += 1;
        let number = doors.accepted;
        doors.open.insert(number, copy);
        Some(number)
    }
}

/// A connection with its number at the hub.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) number: usize,
}

/// Removes the hub's copy of a socket, so that the socket closes together with the connection's own.
struct Registered<'a>(usize, &'a Hub);

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        lock(&self.1.doors).open.remove(&self.0);
    }
}

/// Accepts connections until it goes out of scope. It ends all its threads then.
pub(super) struct Listener {
    address: SocketAddr,
    hub: Arc<Hub>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Listens at that address. Calls `serve` on a new thread for each connection.
    pub(super) fn start(
        address: SocketAddr,
        hub: Arc<Hub>,
        serve: impl Fn(Connection) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let serve = Arc::new(serve);
        let shared = Arc::clone(&hub);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if lock(&shared.doors).is_stopping {
                    return;
                }
                // A client that was killed between connect and accept is no reason to stop.
                let Ok(stream) = stream else { continue };
                accept(stream, &shared, &serve);
            }
        });
        Ok(Self {
            address,
            hub,
            thread: Some(thread),
        })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }
}

fn accept<S>(stream: TcpStream, hub: &Arc<Hub>, serve: &Arc<S>)
where
    S: Fn(Connection) + Send + Sync + 'static,
{
    let _ = stream.set_nodelay(true);
    let Some(number) = hub.register(&stream) else {
        return;
    };
    let (shared, serve) = (Arc::clone(hub), Arc::clone(serve));
    let thread = thread::spawn(move || {
        let _registered = Registered(number, &shared);
        serve(Connection { stream, number });
    });
    let mut doors = lock(&hub.doors);
    doors.threads.retain(|thread| !thread.is_finished());
    doors.threads.push(thread);
}

impl Drop for Listener {
    fn drop(&mut self) {
        lock(&self.hub.doors).is_stopping = true;
        self.hub.stopped.notify_all();
        self.hub.drop_all();
        // The listener sleeps in accept: a connection wakes it. If that fails, there is nothing to join.
        if TcpStream::connect(self.address).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
        let threads = std::mem::take(&mut lock(&self.hub.doors).threads);
        for thread in threads {
            // A panic of a connection has been printed by its thread.
            let _ = thread.join();
        }
    }
}
