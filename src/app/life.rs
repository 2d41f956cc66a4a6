//! The signals that mean something, as CoreDNS has them.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// How the process is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With exit code 0.
    Success,
    /// At once, with this exit code: a second SIGINT.
    AtOnce(u8),
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// To stop when all that has come is answered.
    Stop(By),
    /// To end now.
    Quit,
    /// To read the Corefile again, and use it whether it has changed or not.
    Reload,
    /// To run another binary in the place of this one.
    Upgrade,
}

/// Which signal stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Terminate,
    Interrupt,
}

pub(super) struct Signals {
    ends: Ends,
    reload: Signal,
    upgrade: Signal,
    /// Sent when a terminal closes, and ignored.
    hang_up: Signal,
}

/// Those that ask for the end.
struct Ends {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

// === impl Signals ===

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            ends: Ends {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
                quit: signal(SignalKind::quit())?,
            },
            reload: signal(SignalKind::user_defined1())?,
            upgrade: signal(SignalKind::user_defined2())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next thing that is asked for, told in the log.
    pub(super) async fn next(&mut self) -> Asked {
        loop {
            tokio::select! {
                asked = self.ends.next() => return asked,
                _ = self.reload.recv() => {
                    tracing::info!("SIGUSR1: Reloading");
                    return Asked::Reload;
                }
                _ = self.upgrade.recv() => {
                    tracing::info!("SIGUSR2: Upgrading");
                    return Asked::Upgrade;
                }
                _ = self.hang_up.recv() => {}
            }
        }
    }

    /// The next signal that asks for the end, told in the log. Others wait until [`Self::next`] is asked.
    pub(super) async fn end(&mut self) -> Asked {
        self.ends.next().await
    }

    /// What cuts a stop short: SIGQUIT, or the second SIGINT of the process.
    pub(super) async fn end_now(&mut self, by: By) -> End {
        let mut interrupts = u8::from(by == By::Interrupt);
        loop {
            tokio::select! {
                _ = self.ends.interrupt.recv() => {
                    interrupts += 1;
                    if interrupts > 1 {
                        tracing::info!("SIGINT: Force quit");
                        return End::AtOnce(2);
                    }
                    tracing::info!("SIGINT: Shutting down");
                }
                _ = self.ends.quit.recv() => {
                    tracing::info!("SIGQUIT: Quitting process immediately");
                    return End::Success;
                }
            }
        }
    }
}

// === impl Ends ===

impl Ends {
    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => {
                tracing::info!("SIGTERM: Shutting down servers then terminating");
                Asked::Stop(By::Terminate)
            }
            _ = self.interrupt.recv() => {
                tracing::info!("SIGINT: Shutting down");
                Asked::Stop(By::Interrupt)
            }
            _ = self.quit.recv() => {
                tracing::info!("SIGQUIT: Quitting process immediately");
                Asked::Quit
            }
        }
    }
}
