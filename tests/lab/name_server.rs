//! A name server over UDP and TCP that says what a test decides.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;

/// From a query to a reply; `None` is no reply. The limit is what a client without EDNS takes: 512 octets over UDP.
type Answer = fn(query: &[u8], limit: Option<usize>) -> Option<Vec<u8>>;

/// Starts the name server; its threads end with the test program.
pub fn name_server(address: SocketAddr, answer: Answer) -> io::Result<()> {
    let udp = UdpSocket::bind(address)?;
    let tcp = TcpListener::bind(address)?;
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, peer)) = udp.recv_from(&mut buffer) {
            if let Some(reply) = answer(&buffer[..length], Some(512)) {
                // A client that has gone away is no concern of a name server.
                let _ = udp.send_to(&reply, peer);
            }
        }
    });
    thread::spawn(move || {
        for stream in tcp.incoming().flatten() {
            thread::spawn(move || serve(stream, answer));
        }
    });
    Ok(())
}

fn serve(mut stream: TcpStream, answer: Answer) -> Option<()> {
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length).ok()?;
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut query).ok()?;
        let reply = answer(&query, None)?;
        let length = u16::try_from(reply.len()).ok()?.to_be_bytes();
        stream.write_all(&[&length, reply.as_slice()].concat()).ok()?;
    }
}
