//! Who holds a port, as far as `/proc` lets us see.

use std::fmt;
use std::fs;

use crate::dns::Transport;

/// The state of a TCP socket that listens, in `/proc/net/tcp`.
const TCP_LISTEN: &str = "0A";

/// A process with a socket on the port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    name: String,
    pid: u32,
}

// === impl Holder ===

impl Holder {
    /// The process that holds the port. `None` when there is none, or when it is another user's: only root sees whose
    /// socket a socket is.
    pub(super) fn find(transport: Transport, port: u16) -> Option<Self> {
        let files = match transport {
            Transport::Udp => ["/proc/net/udp", "/proc/net/udp6"],
            Transport::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
        };
        let inodes: Vec<String> = files
            .iter()
            .filter_map(|file| fs::read_to_string(file).ok())
            .flat_map(|table| inodes(&table, transport, port))
            .map(|inode| format!("socket:[{inode}]"))
            .collect();
        let processes = fs::read_dir("/proc").ok()?;
        processes.flatten().find_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            let mut links = fs::read_dir(process.path().join("fd")).ok()?.flatten();
            let holds = links.any(|link| {
                fs::read_link(link.path())
                    .is_ok_and(|to| inodes.iter().any(|inode| to.as_os_str() == inode.as_str()))
            });
            let name =
                || fs::read_to_string(process.path().join("comm")).unwrap_or_default().trim().to_owned();
            holds.then(|| Self { name: name(), pid })
        })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` (process {})", self.name, self.pid)
    }
}

/// The inodes of the sockets on this port in a table of `/proc/net`.
fn inodes(table: &str, transport: Transport, port: u16) -> Vec<String> {
    let lines = table.lines().skip(1);
    lines
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
            let is_held = transport == Transport::Udp || *fields.get(3)? == TCP_LISTEN;
            (is_held && u16::from_str_radix(local_port, 16) == Ok(port))
                .then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_table_of_the_kernel() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 00000000:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 23456 1 0 100 0 0 10 0\n\
            1: 0100007F:0035 0100007F:9C40 01 00000000:00000000 00:00000000 00000000   101        0 23457 1 0 20 4 30 10 -1\n\
            2: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 34567 1 0 100 0 0 10 0\n";
        assert_eq!(inodes(table, Transport::Tcp, 53), ["23456"]);
        assert_eq!(inodes(table, Transport::Tcp, 8080), ["34567"]);
        assert!(inodes(table, Transport::Tcp, 54).is_empty());
        assert_eq!(inodes(table, Transport::Udp, 53), ["23456", "23457"]);
        assert!(inodes("", Transport::Tcp, 53).is_empty());
    }
}
