//! Ports for servers that a test starts as processes, and that cannot say which port 0 became.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::{env, process};

/// Where ports are taken from: below the kernel's ephemeral range, so that no client socket and no port 0 of a test beside
/// this one sits on one of them, and apart from the port of `tests/cluster/control-plane`.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port that is free for UDP and TCP on all addresses, and was not given out before.
pub fn free_port() -> u16 {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
        // Runs beside this one begin elsewhere.
        let span = u32::from(PORTS.end - PORTS.start);
        AtomicU16::new((process::id().wrapping_mul(97) % span) as u16)
    });
    loop {
        let port = PORTS.start + NEXT.fetch_add(1, Ordering::Relaxed) % (PORTS.end - PORTS.start);
        let any = (Ipv4Addr::UNSPECIFIED, port);
        if is_ours(port) && UdpSocket::bind(any).is_ok() && TcpListener::bind(any).is_ok() {
            return port;
        }
    }
}

/// Takes the port for this process, where no other run of these tests has it: between the look above and the server's own
/// socket it is free for anybody.
fn is_ours(port: u16) -> bool {
    static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let folder = env::temp_dir().join("kubezone-ports");
    let held = fs::create_dir_all(&folder).and_then(|()| File::create(folder.join(port.to_string())));
    match held {
        Ok(file) if file.try_lock().is_ok() => {
            HELD.lock().unwrap_or_else(PoisonError::into_inner).push(file);
            true
        }
        Ok(_) => false,
        // Without a folder to write to there is no second run to fear either.
        Err(_) => true,
    }
}
