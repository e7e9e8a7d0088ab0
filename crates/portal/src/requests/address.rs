//! How requests are named, and the keys by which those who have no account reach them: in the address of a page, and in the mail
//! address that replies go to. Keys are made from the portal's own secret, so none are kept.

use crate::sealed::Seal;

/// Characters of a key: 80 bits.
const KEY: usize = 16;

/// A request's number as people name it.
#[must_use]
pub fn number(id: i64) -> String {
    format!("AFR-{id:07}")
}

/// The database's number of a request with that number.
#[must_use]
pub fn id(number: &str) -> Option<i64> {
    let digits = number.trim().to_ascii_uppercase().strip_prefix("AFR-")?.to_owned();
    let right = (1..=18).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    if right { digits.parse().ok().filter(|id| *id > 0) } else { None }
}

fn key(seal: &Seal, purpose: &str, number: &str) -> String {
    seal.tag(purpose, number).chars().take(KEY).collect()
}

/// The key of a request's page.
#[must_use]
pub fn page_key(seal: &Seal, number: &str) -> String {
    key(seal, "request page", number)
}

/// Where a request's page is.
#[must_use]
pub fn page(portal: &str, seal: &Seal, number: &str) -> String {
    format!("{portal}/request/{number}/{}", page_key(seal, number))
}

/// Where replies go by mail: `licensing@example.com` becomes `licensing+afr-0000001.key@example.com`.
#[must_use]
pub fn reply_to(replies: &str, seal: &Seal, number: &str) -> Option<String> {
    let (name, host) = replies.split_once('@')?;
    let key = key(seal, "request reply", number);
    Some(format!("{name}+{}.{key}@{host}", number.to_ascii_lowercase()))
}

/// The number of the request that a mail to this address replies to; `None` if the key is not its.
#[must_use]
pub fn replied(seal: &Seal, to: &str) -> Option<String> {
    let (_, behind) = to.split_once('@')?.0.rsplit_once('+')?;
    let (named, shown) = behind.split_once('.')?;
    let named = number(id(named)?);
    opens(&key(seal, "request reply", &named), shown).then_some(named)
}

/// Whether somebody has the key of a request's page.
#[must_use]
pub fn is_page_key(seal: &Seal, number: &str, shown: &str) -> bool {
    opens(&page_key(seal, number), shown)
}

/// Mail servers may change the case of an address. Takes as long for every key.
fn opens(key: &str, shown: &str) -> bool {
    let shown = shown.to_ascii_lowercase();
    let same = key.bytes().zip(shown.bytes()).fold(0, |differing, (one, other)| differing | (one ^ other));
    key.len() == shown.len() && same == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_address_leads_to_its_request_and_to_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let seal = Seal::open(&folder.path().join("key")).unwrap();
        let to = reply_to("licensing@example.com", &seal, "AFR-0000012").unwrap();
        assert_eq!(replied(&seal, &to).as_deref(), Some("AFR-0000012"));
        assert_eq!(replied(&seal, &to.to_uppercase()).as_deref(), Some("AFR-0000012"), "some servers shout");
        assert_eq!(replied(&seal, &to.replace("0000012", "0000013")), None);
        for wrong in ["licensing@example.com", "a+b@c", "a+afr-0000012.@c", "", "@", "a+AFR-x.y@z"] {
            assert_eq!(replied(&seal, wrong), None, "{wrong}");
        }
        assert!(
            !is_page_key(&seal, "AFR-0000012", to.split(['.', '@']).nth(1).unwrap()),
            "a key for replies"
        );
        assert!(is_page_key(&seal, "AFR-0000012", &page_key(&seal, "AFR-0000012")));
    }
}
