//! A list that hardly ever has a second value, and then no allocation.

use std::ops::Deref;

/// Values in their order. One takes no more room than a pointer beside it; more are behind that pointer.
#[derive(Clone)]
pub struct Few<T> {
    held: Held<T>,
}

#[derive(Clone)]
enum Held<T> {
    One(T),
    // A thin pointer, and no third variant for no value: so the room is that of one value, where that has a pointer.
    #[expect(clippy::box_collection, reason = "a thin pointer")]
    More(Option<Box<Vec<T>>>),
}

impl<T> Few<T> {
    /// One value.
    #[must_use]
    pub fn one(value: T) -> Self {
        Self { held: Held::One(value) }
    }
}

impl<T: Clone> Few<T> {
    /// These and one more.
    #[must_use]
    pub fn with(&self, value: T) -> Self {
        self.iter().cloned().chain([value]).collect()
    }

    /// Those of them that `keep` holds for.
    #[must_use]
    pub fn retained(&self, keep: impl Fn(&T) -> bool) -> Self {
        self.iter().filter(|value| keep(value)).cloned().collect()
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self { held: Held::More(None) }
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.held {
            Held::One(value) => std::slice::from_ref(value),
            Held::More(values) => values.as_deref().map_or(&[], Vec::as_slice),
        }
    }
}

impl<T> From<Vec<T>> for Few<T> {
    fn from(mut values: Vec<T>) -> Self {
        let held = match values.len() {
            0 | 1 => values.pop().map_or(Held::More(None), Held::One),
            _ => {
                values.shrink_to_fit();
                Held::More(Some(Box::new(values)))
            }
        };
        Self { held }
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (None, _) => Self { held: Held::More(None) },
            (Some(one), None) => Self::one(one),
            (Some(first), Some(second)) => {
                [first, second].into_iter().chain(values).collect::<Vec<T>>().into()
            }
        }
    }
}

impl<'f, T> IntoIterator for &'f Few<T> {
    type Item = &'f T;
    type IntoIter = std::slice::Iter<'f, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: PartialEq> PartialEq for Few<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for Few<T> {}

impl<T: std::fmt::Debug> std::fmt::Debug for Few<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_small_value_fits_beside_the_tag() {
        assert_eq!(size_of::<Few<Ipv4Addr>>(), 16);
        assert_eq!(size_of::<Few<Arc<u8>>>(), 16);
        assert_eq!(size_of::<Few<(Arc<u8>, u32)>>(), 16);
    }

    proptest! {
        #[test]
        fn it_is_the_list_that_it_was_made_of(values in prop::collection::vec(0..9_u8, 0..5), value in 0..9_u8) {
            let few: Few<u8> = values.iter().copied().collect();
            prop_assert_eq!(&*few, &values[..]);
            prop_assert_eq!(&few, &Few::from(values.clone()));
            let more: Vec<u8> = values.iter().copied().chain([value]).collect();
            prop_assert_eq!(&*few.with(value), &more[..]);
            let kept: Vec<u8> = values.iter().copied().filter(|held| *held != value).collect();
            prop_assert_eq!(&*few.retained(|held| *held != value), &kept[..]);
        }
    }
}
