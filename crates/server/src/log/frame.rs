//! The bytes of one write: a frame of items, with checksums that also bind it to its place.
//! One frame is written and flushed before the next one starts, so a power cut can only tear the last.
//! Pure: no file is touched here.
//!
//! ```text
//! head   length u32 · reserved u32 · body crc u32 · head crc u32   (the head crc covers salt and offset)
//! body   items: kind u8 · length u32 · index u64 · crc u32 · payload
//! tail   END u32, then zeros up to a multiple of eight
//! ```

use crc32fast::Hasher;

pub(crate) const HEAD: usize = 16;
pub(crate) const ITEM: usize = 17;
const END: u32 = 0x444E_4547;
const ALIGN: usize = 8;
/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// What an item says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// One entry of the log.
    Entry = 1,
    /// Entries from this index on are void.
    Truncate = 2,
    /// The caller's small durable state; its index is the first one not purged.
    Meta = 3,
}

impl Kind {
    fn parse(byte: u8) -> Option<Self> {
        [Self::Entry, Self::Truncate, Self::Meta].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// An item as found in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    pub(crate) kind: Kind,
    pub(crate) index: u64,
    pub(crate) payload: &'a [u8],
    /// Where the item starts, counted from the start of the frame.
    pub(crate) at: usize,
}

/// A frame being filled. Reused from write to write, so that steady state allocates nothing.
#[derive(Debug)]
pub(crate) struct Frame {
    bytes: Vec<u8>,
}

impl Frame {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; HEAD] }
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.truncate(HEAD);
    }

    /// Bytes on disk once sealed.
    pub(crate) fn size(&self) -> usize {
        (self.bytes.len() + 4).next_multiple_of(ALIGN)
    }

    /// Adds an item; returns where it starts in the frame.
    pub(crate) fn push(&mut self, kind: Kind, index: u64, payload: &[u8]) -> usize {
        let at = self.bytes.len();
        self.bytes.push(kind as u8);
        self.bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(&index.to_le_bytes());
        self.bytes.extend_from_slice(&item_crc(kind as u8, index, payload).to_le_bytes());
        self.bytes.extend_from_slice(payload);
        at
    }

    /// The finished bytes, for this place and no other.
    pub(crate) fn seal(&mut self, salt: &[u8; 16], offset: u64) -> &[u8] {
        let length = self.bytes.len() - HEAD;
        let body_crc = crc32fast::hash(&self.bytes[HEAD..]);
        self.bytes[0..4].copy_from_slice(&(length as u32).to_le_bytes());
        self.bytes[4..8].fill(0);
        self.bytes[8..12].copy_from_slice(&body_crc.to_le_bytes());
        let head_crc = head_crc(salt, offset, &self.bytes[..12]);
        self.bytes[12..16].copy_from_slice(&head_crc.to_le_bytes());
        self.bytes.extend_from_slice(&END.to_le_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGN), 0);
        &self.bytes
    }
}

fn item_crc(kind: u8, index: u64, payload: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&[kind]);
    hasher.update(&index.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

fn head_crc(salt: &[u8; 16], offset: u64, head: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(salt);
    hasher.update(&offset.to_le_bytes());
    hasher.update(head);
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok()).map_or(0, u64::from_le_bytes)
}

/// What stands at an offset of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A whole frame: its bytes, head to padding.
    Frame(&'a [u8]),
    /// Only zeros from here on.
    Nothing,
    /// Something else.
    Bad,
}

/// Looks at `offset` of a segment's bytes.
pub(crate) fn look<'a>(segment: &'a [u8], salt: &[u8; 16], offset: usize) -> Found<'a> {
    let rest = segment.get(offset..).unwrap_or_default();
    match valid(rest, salt, offset) {
        Some(frame) => Found::Frame(frame),
        None if rest.iter().all(|byte| *byte == 0) => Found::Nothing,
        None => Found::Bad,
    }
}

/// The size that a believable head promises.
fn promised(rest: &[u8], salt: &[u8; 16], offset: usize) -> Option<usize> {
    let length = u32_at(rest, 0) as usize;
    let size = HEAD.checked_add(length)?.checked_add(4)?.checked_next_multiple_of(ALIGN)?;
    let believable = length >= ITEM
        && size <= rest.len()
        && head_crc(salt, offset as u64, &rest[..12]) == u32_at(rest, 12);
    believable.then_some(size)
}

fn valid<'a>(rest: &'a [u8], salt: &[u8; 16], offset: usize) -> Option<&'a [u8]> {
    let size = promised(rest, salt, offset)?;
    let length = u32_at(rest, 0) as usize;
    let body = &rest[HEAD..HEAD + length];
    let whole = crc32fast::hash(body) == u32_at(rest, 8)
        && u32_at(rest, HEAD + length) == END
        && rest[HEAD + length + 4..size].iter().all(|byte| *byte == 0);
    whole.then(|| &rest[..size])
}

/// Whether any whole frame starts after `offset`: then what stands at `offset` was once whole, too.
pub(crate) fn any_after(segment: &[u8], salt: &[u8; 16], offset: usize) -> bool {
    let start = (offset + 1).next_multiple_of(ALIGN);
    (start..segment.len()).step_by(ALIGN).any(|at| valid(&segment[at..], salt, at).is_some())
}

/// Whether the bad bytes at `offset` can be a write that a power cut stopped.
///
/// The file was zeros before the write. A frame whose head and end both arrived and that has no sector
/// left at zero was written whole and changed later: cutting it off would lose what was acknowledged.
pub(crate) fn may_be_torn(segment: &[u8], salt: &[u8; 16], offset: usize) -> bool {
    let rest = &segment[offset..];
    let Some(size) = promised(rest, salt, offset) else {
        return true;
    };
    let length = u32_at(rest, 0) as usize;
    let ended = u32_at(rest, HEAD + length) == END;
    !ended || has_empty_sector(segment, offset, offset + size)
}

fn has_empty_sector(segment: &[u8], from: usize, to: usize) -> bool {
    let sectors = (from.next_multiple_of(SECTOR)..).step_by(SECTOR).take_while(|at| at + SECTOR <= to);
    sectors.into_iter().any(|at| segment[at..at + SECTOR].iter().all(|byte| *byte == 0))
}

/// The items of a whole frame; `None` if the checksums hold but the content makes no sense.
pub(crate) fn items(frame: &[u8]) -> Option<Vec<Item<'_>>> {
    let end = HEAD + u32_at(frame, 0) as usize;
    let mut items = Vec::new();
    let mut at = HEAD;
    while at < end {
        let item = item(&frame[..end], at)?;
        at += ITEM + item.payload.len();
        items.push(item);
    }
    Some(items)
}

/// The item at `at`, with its own checksum verified.
pub(crate) fn item(bytes: &[u8], at: usize) -> Option<Item<'_>> {
    let head = bytes.get(at..at + ITEM)?;
    let (kind, index) = (Kind::parse(head[0])?, u64_at(head, 5));
    let start = at + ITEM;
    let payload = bytes.get(start..start.checked_add(u32_at(head, 1) as usize)?)?;
    (item_crc(kind as u8, index, payload) == u32_at(head, 13)).then_some(Item { kind, index, payload, at })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: [u8; 16] = [7; 16];

    fn sealed(payloads: &[&[u8]], offset: u64) -> Vec<u8> {
        let mut frame = Frame::new();
        for (index, payload) in payloads.iter().enumerate() {
            frame.push(Kind::Entry, index as u64, payload);
        }
        frame.seal(&SALT, offset).to_vec()
    }

    #[test]
    fn a_frame_is_found_only_where_it_was_written() {
        let frame = sealed(&[b"one", b"two"], 0);
        assert_eq!(look(&frame, &SALT, 0), Found::Frame(&frame[..]));
        let moved = [vec![0; 8], frame.clone()].concat();
        assert_eq!(look(&moved, &SALT, 8), Found::Bad);
        assert_eq!(look(&frame, &[8; 16], 0), Found::Bad);
    }

    #[test]
    fn items_come_back_as_they_went_in() {
        let frame = sealed(&[b"one", b"", b"three"], 0);
        let payloads: Vec<_> = items(&frame).unwrap().iter().map(|item| item.payload).collect();
        assert_eq!(payloads, [&b"one"[..], b"", b"three"]);
    }

    #[test]
    fn no_flipped_bit_leaves_a_frame_valid() {
        let frame = sealed(&[b"some payload", b"and another"], 0);
        for bit in 0..frame.len() * 8 {
            let mut changed = frame.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(look(&changed, &SALT, 0), Found::Bad, "bit {bit}");
        }
    }

    #[test]
    fn a_cut_frame_may_be_torn_and_a_changed_one_may_not() {
        let frame = sealed(&[&[1; 3000]], 0);
        for cut in 1..frame.len() - ALIGN {
            let mut torn = frame.clone();
            torn[cut..].fill(0);
            assert!(may_be_torn(&torn, &SALT, 0), "cut at {cut}");
        }
        let mut changed = frame;
        changed[1000] ^= 1;
        assert!(!may_be_torn(&changed, &SALT, 0));
        changed[1024..1536].fill(0);
        assert!(may_be_torn(&changed, &SALT, 0));
    }
}
