//! Processes that answer without looking: the bare echo, which nothing over sockets can be faster than, and an upstream.

use std::net::{Ipv4Addr, UdpSocket};

use crate::datagrams::Inbox;

/// Sends every query back as a response without records.
pub fn echo(port: u16) -> ! {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
    let mut inbox = Inbox::new();
    loop {
        inbox.receive(&socket);
        for at in 0..inbox.arrived.len() {
            if let Some(flags) = inbox.message_mut(at).get_mut(2) {
                *flags |= 0x80;
            }
        }
        inbox.send_back(&socket);
    }
}

/// Answers every query with one address, for an hour.
pub fn upstream(port: u16) -> ! {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
    let mut buffer = [0; 4096];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        let Some(question) = buffer[12..length].iter().position(|octet| *octet == 0) else { continue };
        let end = 12 + question + 5;
        let mut reply = buffer[..end.min(length)].to_vec();
        reply[2] |= 0x84;
        reply[3] = 0x80;
        reply[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
        reply.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 192, 0, 2, 1]);
        // Whoever asked may be gone.
        let _ = socket.send_to(&reply, from);
    }
}
