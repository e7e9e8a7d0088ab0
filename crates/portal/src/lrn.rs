//! License reference numbers: unique, and safe from typing mistakes. Pure: the caller brings the randomness.
//!
//! Twelve random characters and two check characters of Crockford's 32 (no I, L, O, U), written `LRN-7K2M-9QXA-0TBD-4H`. The
//! check characters are a Reed–Solomon code over GF(32): any one or two wrong characters are noticed, and of one wrong or two
//! swapped ones the right number is found again.

use std::fmt;

/// The characters by value, 0 to 31.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters that are drawn.
const DRAWN: usize = 12;
/// All characters.
const LENGTH: usize = DRAWN + 2;

/// A license reference number whose check characters hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lrn([u8; LENGTH]);

/// Why a text is no license reference number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LrnError {
    /// Too many or too few characters.
    #[error("a license reference number has 14 characters behind `LRN-`, this one has {0}")]
    Length(usize),
    /// A character that does not occur in them.
    #[error("`{0}` does not occur in license reference numbers")]
    Character(char),
    /// The check characters don't fit.
    #[error("the check characters don't fit: there is a typing mistake in it{}", meant(.0))]
    Mistyped(Vec<Lrn>),
}

fn meant(nearest: &[Lrn]) -> String {
    let names: Vec<String> = nearest.iter().map(ToString::to_string).collect();
    if names.is_empty() { String::new() } else { format!("; is {} meant?", names.join(" or ")) }
}

impl Lrn {
    /// The number with these random bits; the upper four are not used.
    #[must_use]
    pub fn from_random(bits: u64) -> Self {
        let mut word = [0; LENGTH];
        for (place, symbol) in word.iter_mut().take(DRAWN).enumerate() {
            *symbol = u8::try_from((bits >> (5 * place)) & 31).unwrap_or_default();
        }
        Self::with_checks(word)
    }

    /// Solves c₁₂ + c₁₃ = S₀ and α¹²c₁₂ + α¹³c₁₃ = S₁ for the two check characters.
    fn with_checks(mut word: [u8; LENGTH]) -> Self {
        let (sum, weighted) = syndromes(&word);
        let (first, second) = (power(DRAWN), power(DRAWN + 1));
        let last = divide(weighted ^ multiply(sum, first), first ^ second);
        word[DRAWN + 1] = last;
        word[DRAWN] = sum ^ last;
        Self(word)
    }

    /// Reads a number as people write it: with or without `LRN-`, hyphens, blanks; in capitals or not; O for 0, I and L for 1.
    ///
    /// # Errors
    /// [`LrnError`], with the numbers that may be meant.
    pub fn parse(text: &str) -> Result<Self, LrnError> {
        let bare: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
        let bare = bare.to_ascii_uppercase();
        let bare = bare.strip_prefix("LRN").unwrap_or(&bare);
        let symbols = bare.chars().map(value).collect::<Result<Vec<u8>, LrnError>>()?;
        let word: [u8; LENGTH] = symbols.try_into().map_err(|got: Vec<u8>| LrnError::Length(got.len()))?;
        if syndromes(&word) == (0, 0) { Ok(Self(word)) } else { Err(LrnError::Mistyped(nearest(word))) }
    }
}

/// The numbers that differ by one character or by two neighbours swapped.
fn nearest(word: [u8; LENGTH]) -> Vec<Lrn> {
    let mut found: Vec<Lrn> = one_wrong(word).into_iter().collect();
    for place in 1..LENGTH {
        let mut swapped = word;
        swapped.swap(place - 1, place);
        if syndromes(&swapped) == (0, 0) && !found.contains(&Lrn(swapped)) {
            found.push(Lrn(swapped));
        }
    }
    found
}

/// With one wrong character, the sum is by how much and the quotient where.
fn one_wrong(mut word: [u8; LENGTH]) -> Option<Lrn> {
    let (sum, weighted) = syndromes(&word);
    if sum == 0 || weighted == 0 {
        return None;
    }
    let quotient = divide(weighted, sum);
    let place = (0..LENGTH).find(|&place| power(place) == quotient)?;
    word[place] ^= sum;
    Some(Lrn(word))
}

fn value(character: char) -> Result<u8, LrnError> {
    let character = match character {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let place = ALPHABET.iter().position(|&known| char::from(known) == character);
    place.and_then(|place| u8::try_from(place).ok()).ok_or(LrnError::Character(character))
}

/// Σ cᵢ and Σ αⁱcᵢ over GF(32); both are nothing for a right number.
fn syndromes(word: &[u8; LENGTH]) -> (u8, u8) {
    word.iter().enumerate().fold((0, 0), |(sum, weighted), (place, &symbol)| {
        (sum ^ symbol, weighted ^ multiply(symbol, power(place)))
    })
}

/// α to the power of `exponent`.
fn power(exponent: usize) -> u8 {
    (0..exponent % 31).fold(1, |value, _| double(value))
}

/// Times α, modulo x⁵ + x² + 1.
fn double(value: u8) -> u8 {
    let doubled = value << 1;
    if doubled & 32 == 0 { doubled } else { doubled ^ 0b10_0101 }
}

fn multiply(left: u8, right: u8) -> u8 {
    (0..5).rev().fold(0, |product, bit| double(product) ^ if right >> bit & 1 == 1 { left } else { 0 })
}

/// `by` is not nothing; its inverse is its thirtieth power.
fn divide(value: u8, by: u8) -> u8 {
    (0..30).fold(value, |quotient, _| multiply(quotient, by))
}

impl fmt::Display for Lrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LRN")?;
        for (place, &symbol) in self.0.iter().enumerate() {
            if place % 4 == 0 {
                f.write_str("-")?;
            }
            let character = ALPHABET.get(usize::from(symbol)).copied().unwrap_or(b'?');
            write!(f, "{}", char::from(character))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Lrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_is_read_as_it_was_written_and_as_people_type_it(bits: u64) {
            let lrn = Lrn::from_random(bits);
            let text = lrn.to_string();
            prop_assert_eq!(Lrn::parse(&text), Ok(lrn));
            let typed = text.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
            prop_assert_eq!(Lrn::parse(typed.trim_start_matches("lrn")), Ok(lrn));
        }

        #[test]
        fn one_wrong_character_is_noticed_and_the_right_number_offered(bits: u64, place in 0..LENGTH, by in 1_u8..32) {
            let lrn = Lrn::from_random(bits);
            let mut wrong = lrn.0;
            wrong[place] ^= by;
            match Lrn::parse(&Lrn(wrong).to_string()) {
                Err(LrnError::Mistyped(nearest)) => prop_assert_eq!(nearest[0], lrn),
                other => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn two_swapped_neighbours_are_noticed_and_the_right_number_offered(bits: u64, place in 1..LENGTH) {
            let lrn = Lrn::from_random(bits);
            let mut wrong = lrn.0;
            wrong.swap(place - 1, place);
            prop_assume!(wrong != lrn.0);
            match Lrn::parse(&Lrn(wrong).to_string()) {
                Err(LrnError::Mistyped(nearest)) => prop_assert!(nearest.contains(&lrn)),
                other => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn any_two_wrong_characters_are_noticed(bits: u64, one in 0..LENGTH, other in 0..LENGTH, a in 1_u8..32, b in 1_u8..32) {
            prop_assume!(one != other);
            let mut wrong = Lrn::from_random(bits).0;
            wrong[one] ^= a;
            wrong[other] ^= b;
            prop_assert!(Lrn::parse(&Lrn(wrong).to_string()).is_err());
        }
    }

    #[test]
    fn what_is_no_number_at_all_is_told_in_words() {
        assert_eq!(Lrn::parse("LRN-7K2M"), Err(LrnError::Length(4)));
        assert_eq!(Lrn::parse("LRN-U000-0000-0000-00"), Err(LrnError::Character('U')));
        assert_eq!(Lrn::parse(""), Err(LrnError::Length(0)));
    }
}
