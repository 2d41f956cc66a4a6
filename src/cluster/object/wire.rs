//! Objects in protobuf, as the API server writes them: the wire format is read by the fields that an object's table names,
//! and given to the same `Deserialize` that reads JSON.
//!
//! ```text
//!   octets ──tag, length──▶ table: number → name, type ──map, text, number──▶ Deserialize of the trimmed types
//! ```
//!
//! Generated types (`prost`) would be a second set of structs beside those for JSON and manifests, and would copy every
//! field that they know; here what no table names is skipped where it lies.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

/// The fields of a message that are read: number, name in JSON, type.
#[derive(Debug)]
pub struct Fields(pub &'static [(u32, &'static str, Field)]);

/// The type of a field.
#[derive(Debug, Clone, Copy)]
pub enum Field {
    /// A string.
    Text,
    /// An int32 or int64.
    Number,
    /// A bool.
    Flag,
    /// A message.
    Message(&'static Fields),
    /// Strings.
    Texts,
    /// Messages.
    Messages(&'static Fields),
    /// `map<string, string>`
    Map,
}

/// Octets that are no message of this kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError(String);

/// What is left to be read of a message.
#[derive(Debug, Clone, Copy)]
pub struct Wire<'de>(&'de [u8]);

/// The value behind a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireValue<'de> {
    /// A varint.
    Number(u64),
    /// Octets with their length.
    Octets(&'de [u8]),
    /// Four or eight octets, which no object of ours has.
    Fixed,
}

/// Reads an object from a message.
///
/// # Errors
/// The octets are no protobuf, or a field has another type than the table says.
pub fn from_wire<'de, T: Deserialize<'de>>(
    fields: &'static Fields,
    octets: &'de [u8],
) -> Result<T, WireError> {
    T::deserialize(MessageReader::new(fields, octets))
}

// === impl Wire ===

impl<'de> Wire<'de> {
    /// Reads these octets.
    #[must_use]
    pub fn new(octets: &'de [u8]) -> Self {
        Self(octets)
    }

    /// The next field's number and value; `None` at the end.
    ///
    /// # Errors
    /// The octets are no protobuf.
    pub fn next(&mut self) -> Result<Option<(u32, WireValue<'de>)>, WireError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| WireError::new("a field's number is too large"))?;
        let value = match tag & 7 {
            0 => WireValue::Number(self.varint()?),
            1 => self.take(8).map(|_| WireValue::Fixed)?,
            2 => {
                let length = self.varint()?;
                WireValue::Octets(self.take(length)?)
            }
            5 => self.take(4).map(|_| WireValue::Fixed)?,
            other => return Err(WireError(format!("no wire type {other}"))),
        };
        Ok(Some((number, value)))
    }

    /// A varint of up to 64 bits.
    fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0_u64;
        for (at, octet) in self.0.iter().enumerate().take(10) {
            value |= u64::from(octet & 0x7f) << (7 * at);
            if octet & 0x80 == 0 {
                self.0 = &self.0[at + 1..];
                return Ok(value);
            }
        }
        Err(WireError::new("a number without end"))
    }

    fn take(&mut self, length: u64) -> Result<&'de [u8], WireError> {
        let taken = usize::try_from(length).ok().and_then(|length| self.0.split_at_checked(length));
        let (taken, rest) = taken.ok_or_else(|| WireError::new("a field is longer than its message"))?;
        self.0 = rest;
        Ok(taken)
    }
}

// === impl WireError ===

impl WireError {
    fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WireError {}

impl serde::de::Error for WireError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

/// A message as a map from names to values.
struct MessageReader<'de> {
    fields: &'static Fields,
    wire: Wire<'de>,
    /// The field whose name was given and whose value is next.
    current: Option<(u32, Field, WireValue<'de>)>,
}

impl<'de> MessageReader<'de> {
    fn new(fields: &'static Fields, octets: &'de [u8]) -> Self {
        Self { fields, wire: Wire(octets), current: None }
    }
}

impl<'de> Deserializer<'de> for MessageReader<'de> {
    type Error = WireError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_map(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for MessageReader<'de> {
    type Error = WireError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, WireError> {
        while let Some((number, value)) = self.wire.next()? {
            let known = self.fields.0.iter().find(|(known, ..)| *known == number);
            let Some((_, name, field)) = known else { continue };
            // Go writes what it has no pointer for even when it is empty, and JSON leaves that out.
            if matches!((field, value), (Field::Text, WireValue::Octets([]))) {
                continue;
            }
            self.current = Some((number, *field, value));
            return seed.deserialize(TextReader(name)).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, WireError> {
        let Some((number, field, value)) = self.current.take() else {
            return Err(WireError::new("a value without a name"));
        };
        seed.deserialize(ValueReader { number, field, value, wire: &mut self.wire })
    }
}

/// A value; where the field is repeated, the values that follow are part of it.
struct ValueReader<'r, 'de> {
    number: u32,
    field: Field,
    value: WireValue<'de>,
    wire: &'r mut Wire<'de>,
}

impl<'de> Deserializer<'de> for ValueReader<'_, 'de> {
    type Error = WireError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        match (self.field, self.value) {
            (Field::Text, WireValue::Octets(octets)) => visitor.visit_borrowed_str(text(octets)?),
            (Field::Number, WireValue::Number(number)) => visitor.visit_i64(number.cast_signed()),
            (Field::Flag, WireValue::Number(number)) => visitor.visit_bool(number != 0),
            (Field::Message(fields), WireValue::Octets(octets)) => {
                visitor.visit_map(MessageReader::new(fields, octets))
            }
            (Field::Texts | Field::Messages(_), WireValue::Octets(_)) => {
                visitor.visit_seq(Repeated(Some(self)))
            }
            (Field::Map, WireValue::Octets(_)) => {
                visitor.visit_map(MapReader { entries: Repeated(Some(self)), value: "" })
            }
            _ => Err(WireError(format!("field {} has another type", self.number))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The values of one field, which the API server writes one behind the other; `None` past the last.
struct Repeated<'r, 'de>(Option<ValueReader<'r, 'de>>);

impl<'de> Repeated<'_, 'de> {
    /// This value, and the next of the same field made ready.
    fn advance(&mut self) -> Result<Option<(Field, &'de [u8])>, WireError> {
        let Some(reader) = &mut self.0 else { return Ok(None) };
        let WireValue::Octets(octets) = reader.value else {
            return Err(WireError(format!("field {} has another type", reader.number)));
        };
        let field = reader.field;
        let mut ahead = *reader.wire;
        match ahead.next()? {
            Some((number, value)) if number == reader.number => {
                reader.value = value;
                *reader.wire = ahead;
            }
            _ => self.0 = None,
        }
        Ok(Some((field, octets)))
    }
}

impl<'de> SeqAccess<'de> for Repeated<'_, 'de> {
    type Error = WireError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, WireError> {
        match self.advance()? {
            Some((Field::Messages(fields), octets)) => {
                seed.deserialize(MessageReader::new(fields, octets)).map(Some)
            }
            Some((_, octets)) => seed.deserialize(TextReader(text(octets)?)).map(Some),
            None => Ok(None),
        }
    }
}

/// A map's entries: messages of a key (1) and a value (2).
struct MapReader<'r, 'de> {
    entries: Repeated<'r, 'de>,
    value: &'de str,
}

impl<'de> MapAccess<'de> for MapReader<'_, 'de> {
    type Error = WireError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, WireError> {
        let Some((_, octets)) = self.entries.advance()? else { return Ok(None) };
        let (mut key, mut wire) = ("", Wire(octets));
        self.value = "";
        while let Some((number, value)) = wire.next()? {
            match (number, value) {
                (1, WireValue::Octets(octets)) => key = text(octets)?,
                (2, WireValue::Octets(octets)) => self.value = text(octets)?,
                _ => {}
            }
        }
        seed.deserialize(TextReader(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, WireError> {
        seed.deserialize(TextReader(self.value))
    }
}

/// A text, also where there may be none. (serde's own reader of texts takes no `Option`.)
struct TextReader<'de>(&'de str);

impl<'de> Deserializer<'de> for TextReader<'de> {
    type Error = WireError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

fn text(octets: &[u8]) -> Result<&str, WireError> {
    std::str::from_utf8(octets).map_err(|_| WireError::new("a text is not UTF-8"))
}

#[cfg(test)]
mod tests;
