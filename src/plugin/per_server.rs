//! One value for each listener of a server block: counters whose `server` label is the listener that was asked.

/// Values by listener number. A block has few listeners, so that they are searched in order; nothing is allocated.
#[derive(Debug, Clone)]
pub struct PerServer<T> {
    values: Box<[(u16, T)]>,
}

impl<T> PerServer<T> {
    /// The value for each listener number; of two for one number the first counts.
    pub fn new(values: impl IntoIterator<Item = (u16, T)>) -> Self {
        Self { values: values.into_iter().collect() }
    }

    /// The value of this listener; `None` for one that the block is not reached by.
    #[must_use]
    pub fn of(&self, server: u16) -> Option<&T> {
        self.values.iter().find(|(number, _)| *number == server).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_has_its_own_value_or_none() {
        let names = PerServer::new([(3, "dns://:53"), (7, "dns://:5353")]);
        assert_eq!(names.of(7), Some(&"dns://:5353"));
        assert_eq!(names.of(0), None);
    }
}
