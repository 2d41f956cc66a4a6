//! `kubectl proxy`: the API server over plain HTTP on loopback, as administrator.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::variable;

/// The proxy, until dropped.
pub struct Proxy {
    child: Child,
    /// `127.0.0.1:40123`
    pub address: String,
}

impl Proxy {
    pub fn start() -> Self {
        let mut child = Command::new(variable("KUBECTL"))
            .args(["proxy", "--address=127.0.0.1", "--port=0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("kubectl starts");
        // Starting to serve on 127.0.0.1:40123
        let mut line = String::new();
        let printed = child.stdout.take().expect("it is piped");
        BufReader::new(printed).read_line(&mut line).expect("kubectl says where it serves");
        let address = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        Self { child, address }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It has nothing to lose, and must not outlive the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
