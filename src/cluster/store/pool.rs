//! Values that many objects have alike, kept once.

use std::collections::HashSet;
use std::sync::Arc;

use crate::zone::Port;

/// The lists of ports that the Services and slices have: a cluster has few that differ.
#[derive(Default)]
pub(super) struct PortLists {
    lists: HashSet<Arc<[Port]>>,
    /// How many there were when those that nobody has any more were last dropped.
    kept: usize,
}

impl PortLists {
    /// Puts the one in place that others have.
    pub(super) fn share(&mut self, ports: &mut Arc<[Port]>) {
        if let Some(held) = self.lists.get(&**ports) {
            *ports = Arc::clone(held);
            return;
        }
        // Whenever they have doubled, so that this costs next to nothing for each.
        if self.lists.len() > 2 * self.kept + 64 {
            self.lists.retain(|held| Arc::strong_count(held) > 1);
            self.kept = self.lists.len();
        }
        self.lists.insert(Arc::clone(ports));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::Protocol;

    fn list(number: u16) -> Arc<[Port]> {
        [Port { number: Some(number), name: Box::default(), protocol: Protocol::Tcp }].into()
    }

    #[test]
    fn equal_lists_become_one() {
        let mut pool = PortLists::default();
        let (mut first, mut second, mut other) = (list(80), list(80), list(81));
        for ports in [&mut first, &mut second, &mut other] {
            pool.share(ports);
        }
        assert!(Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&first, &other));
        assert_eq!(other[0].number, Some(81));
    }

    #[test]
    fn what_nobody_has_any_more_is_dropped() {
        let mut pool = PortLists::default();
        let mut held = list(1);
        pool.share(&mut held);
        for number in 2..10_000 {
            pool.share(&mut list(number));
        }
        assert!(pool.lists.len() <= 70, "{}", pool.lists.len());
        let mut again = list(1);
        pool.share(&mut again);
        assert!(Arc::ptr_eq(&held, &again));
    }
}
