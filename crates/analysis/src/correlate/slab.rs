//! Places for things that come and go, with keys that notice when a place was given to another.

/// A key into a `Slab`; stale keys find nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    index: u32,
    generation: u32,
}

#[derive(Debug)]
struct Place<T> {
    generation: u32,
    value: Option<T>,
}

/// Values with stable keys.
#[derive(Debug)]
pub struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab {
            places: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slab<T> {
    /// Adds a value.
    pub fn insert(&mut self, value: T) -> Key {
        if let Some(index) = self.free.pop() {
            let place = &mut self.places[index as usize];
            place.value = Some(value);
            return Key {
                index,
                generation: place.generation,
            };
        }
        self.places.push(Place {
            generation: 0,
            value: Some(value),
        });
        Key {
            index: self.places.len() as u32 - 1,
            generation: 0,
        }
    }

    /// The value of a key, unless it is gone.
    pub fn get(&self, key: Key) -> Option<&T> {
        self.places
            .get(key.index as usize)
            .filter(|place| place.generation == key.generation)?
            .value
            .as_ref()
    }

    /// The value of a key, to change it.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.places
            .get_mut(key.index as usize)
            .filter(|place| place.generation == key.generation)?
            .value
            .as_mut()
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let place = self
            .places
            .get_mut(key.index as usize)
            .filter(|place| place.generation == key.generation)?;
        let value = place.value.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(key.index);
        Some(value)
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Every key and value, by place.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.places.iter().enumerate().filter_map(|(index, place)| {
            Some((
                Key {
                    index: index as u32,
                    generation: place.generation,
                },
                place.value.as_ref()?,
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_key_finds_nothing() {
        let mut slab = Slab::default();
        let old = slab.insert("a");
        assert_eq!(slab.remove(old), Some("a"));
        let new = slab.insert("b");
        assert_eq!((slab.get(old), slab.get(new), slab.len()), (None, Some(&"b"), 1));
    }
}
