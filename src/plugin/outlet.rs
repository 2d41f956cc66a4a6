//! The ways out of a server block: upstreams, for a plugin that must know where they lead (`loop`).

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use crate::dns::Name;

/// An upstream of a block.
pub trait Outlet: Send + Sync {
    /// Its address and port, as metrics and logs name it.
    fn to(&self) -> &str;

    /// Of the names within `zone`, a zone of the block, those that go out here: the zone itself, one below it, or none.
    fn part_of(&self, zone: &Name) -> Option<Name>;

    /// Sends this query there as it is; whether anything came back that only a living server sends.
    fn ask(&self, packet: &[u8]) -> Pin<Box<dyn Future<Output = bool> + Send>>;

    /// Takes it out of use for the names within `zone`, or back into it.
    fn set_looping(&self, zone: &Name, is_looping: bool);
}

/// The upstreams of a block. Whoever reads it while the block is set up does not see those that come later in the chain.
#[derive(Default)]
pub struct Outlets(Mutex<Vec<Arc<dyn Outlet>>>);

impl Outlets {
    /// Adds one.
    pub fn add(&self, outlet: Arc<dyn Outlet>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(outlet);
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<dyn Outlet>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
