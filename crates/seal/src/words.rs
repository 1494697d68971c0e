//! Bytes as words, to be read aloud over a telephone: a word a byte, no two of which begin with the same four letters.

/// A word for each byte, in the order of the alphabet.
#[rustfmt::skip]
const WORDS: [&str; 256] = [
    "acid", "acorn", "actor", "agent", "album", "alert", "alley", "alpha", "amber", "anchor", "angle", "ankle",
    "apple", "apron", "arch", "arena", "arrow", "artist", "atlas", "attic", "autumn", "axle", "bacon", "badge",
    "baker", "ballet", "bamboo", "banjo", "barrel", "basket", "beacon", "beaver", "bench", "berry", "bicycle",
    "biscuit", "blanket", "blossom", "boat", "bonfire", "border", "bottle", "bracket", "bread", "breeze", "brick",
    "bridge", "bronze", "brush", "bucket", "button", "cabin", "cable", "cactus", "camel", "candle", "canoe", "carbon",
    "cargo", "carpet", "castle", "cedar", "cello", "chalk", "cherry", "chess", "chimney", "cinema", "circle",
    "citrus", "clay", "clock", "clover", "cobalt", "coffee", "comet", "compass", "copper", "coral", "cotton",
    "cradle", "crane", "cricket", "crystal", "curtain", "dagger", "daisy", "dancer", "debut", "denim", "desert",
    "diamond", "diesel", "dinner", "dolphin", "donkey", "dragon", "drum", "eagle", "echo", "eclipse", "elbow",
    "elephant", "ember", "emerald", "engine", "envelope", "fabric", "falcon", "feather", "ferry", "fiddle", "finger",
    "flame", "flute", "forest", "fossil", "fountain", "fox", "frost", "galaxy", "garden", "garlic", "gecko", "ginger",
    "giraffe", "glacier", "globe", "goblet", "granite", "grape", "guitar", "hammer", "harbor", "hazel", "helmet",
    "heron", "hippo", "hockey", "honey", "horizon", "hotel", "igloo", "indigo", "insect", "iron", "island", "ivory",
    "jacket", "jaguar", "jasmine", "jelly", "jigsaw", "journal", "jungle", "kayak", "kernel", "kettle", "kitchen",
    "kitten", "koala", "ladder", "lagoon", "lantern", "lemon", "leopard", "lettuce", "library", "lilac", "linen",
    "lizard", "lobster", "lunar", "magnet", "mango", "maple", "marble", "meadow", "melon", "mercury", "mirror",
    "mosaic", "muffin", "museum", "napkin", "nectar", "needle", "nickel", "novel", "nutmeg", "oasis", "ocean",
    "octopus", "olive", "onion", "opera", "orbit", "orchid", "otter", "oyster", "paddle", "panda", "paper", "parrot",
    "pebble", "pencil", "pepper", "piano", "picnic", "pigeon", "planet", "pocket", "pumpkin", "puzzle", "python",
    "quartz", "quiver", "rabbit", "radar", "raven", "ribbon", "river", "robin", "rocket", "saddle", "salmon", "satin",
    "scarf", "shadow", "silver", "spider", "sugar", "tango", "temple", "tiger", "timber", "tulip", "tunnel", "turtle",
    "umbrella", "uncle", "velvet", "vinegar", "violin", "volcano", "wagon", "walnut", "whale", "willow", "window",
    "wizard", "yacht", "yellow", "yogurt", "zebra", "zipper",
];

/// The words of some bytes.
pub fn of(bytes: &[u8]) -> Vec<&'static str> {
    bytes.iter().map(|byte| WORDS[usize::from(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_can_be_told_apart() {
        let begins = |word: &'static str| &word[..word.len().min(4)];
        assert!(WORDS.is_sorted_by(|a, b| a < b && begins(a) != begins(b)));
        assert!(
            WORDS
                .iter()
                .all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))
        );
        assert_eq!(of(&[0, 255]), [WORDS[0], WORDS[255]]);
    }
}
