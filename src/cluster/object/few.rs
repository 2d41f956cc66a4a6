//! Lists that hardly ever have a second value, read without an allocation for the first.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use crate::zone::Few;

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FewVisitor<T>(PhantomData<fn() -> T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for FewVisitor<T> {
            type Value = Few<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Few<T>, A::Error> {
                let Some(first) = values.next_element()? else { return Ok(Few::default()) };
                let Some(second) = values.next_element()? else { return Ok(Few::one(first)) };
                let mut all = vec![first, second];
                while let Some(value) = values.next_element()? {
                    all.push(value);
                }
                Ok(all.into())
            }
        }

        deserializer.deserialize_seq(FewVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_any_length() {
        for text in ["[]", "[1]", "[1,2]", "[1,2,3]"] {
            let few: Few<u8> = serde_json::from_str(text).unwrap();
            let list: Vec<u8> = serde_json::from_str(text).unwrap();
            assert_eq!(*few, *list);
        }
        assert!(serde_json::from_str::<Few<u8>>("1").is_err());
    }
}
