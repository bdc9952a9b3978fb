//! The installation's master secret, from which everything that must be signed or encrypted takes its own key.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq;

/// 32 random bytes of an installation. Whoever has them can read stored tokens and forge visitor sessions.
///
/// It can be changed: what is made is made with the new one, and what was made with an earlier one is good as long as
/// that is told too. What must stay the same for ever, because it names something, comes from the `root`, which no change
/// touches.
#[derive(Clone)]
pub struct MasterSecret {
    present: [u8; 32],
    earlier: Vec<[u8; 32]>,
    root: [u8; 32],
}

impl MasterSecret {
    /// Takes the bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self { present: bytes, earlier: Vec::new(), root: bytes }
    }

    /// The same, with others that are still good.
    #[must_use]
    pub fn with_earlier(self, earlier: Vec<[u8; 32]>) -> Self {
        Self { earlier, ..self }
    }

    /// The same in an installation whose names come from these bytes.
    #[must_use]
    pub fn rooted(self, root: [u8; 32]) -> Self {
        Self { root, ..self }
    }

    /// Whether there are earlier ones that are still good.
    pub fn has_earlier(&self) -> bool {
        !self.earlier.is_empty()
    }

    /// A key for one purpose; `label` names the purpose and must be unique in the program.
    pub fn derive(&self, label: &str) -> [u8; 32] {
        sign(&self.present, label.as_bytes())
    }

    /// The same of each secret that is good.
    pub fn keys(&self, label: &str) -> Keys {
        let earlier = self.earlier.iter().map(|secret| sign(secret, label.as_bytes()));
        Keys { present: self.derive(label), earlier: earlier.collect() }
    }

    /// A key for names that stay when the secret is changed. It proves nothing: earlier secrets don't end with it.
    pub fn derive_lasting(&self, label: &str) -> [u8; 32] {
        sign(&self.root, label.as_bytes())
    }
}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSecret(…)")
    }
}

/// The keys for one purpose: what is made is made with the present one, and what any of them made is good.
#[derive(Clone)]
pub struct Keys {
    present: [u8; 32],
    earlier: Vec<[u8; 32]>,
}

impl Keys {
    /// The one to make something with.
    pub fn present(&self) -> &[u8; 32] {
        &self.present
    }

    /// All of them, the present one first.
    pub fn iter(&self) -> impl Iterator<Item = &[u8; 32]> {
        std::iter::once(&self.present).chain(&self.earlier)
    }

    /// Whether one of them is right.
    pub fn any(&self, is_right: impl Fn(&[u8; 32]) -> bool) -> bool {
        self.iter().any(is_right)
    }
}

impl From<[u8; 32]> for Keys {
    fn from(present: [u8; 32]) -> Self {
        Self { present, earlier: Vec::new() }
    }
}

/// HMAC-SHA-256 of `data` under `key`.
pub fn sign(key: &[u8; 32], data: &[u8]) -> [u8; 32] {
    // HMAC pads a shorter key with zeros to its block; doing it here spares the fallible constructor.
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(data);
    mac.finalize().into_bytes().into()
}

/// Compares secrets without telling by time where they differ. Empty ones are never the same.
pub fn same<A: AsRef<[u8]> + ?Sized, B: AsRef<[u8]> + ?Sized>(one: &A, other: &B) -> bool {
    let (one, other) = (one.as_ref(), other.as_ref());
    !one.is_empty() && bool::from(one.ct_eq(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_have_different_keys() {
        let secret = MasterSecret::new([7; 32]);
        assert_ne!(secret.derive("a"), secret.derive("b"));
        assert_eq!(format!("{secret:?}"), "MasterSecret(…)");
    }

    #[test]
    fn a_change_keeps_names_and_what_was_made_before() {
        let (old, new) = (MasterSecret::new([1; 32]), MasterSecret::new([2; 32]).with_earlier(vec![[1; 32]]));
        let made = sign(&old.derive("a"), b"x");
        let is_right = |key: &[u8; 32]| sign(key, b"x") == made;
        assert!(!is_right(new.keys("a").present()) && new.keys("a").any(is_right));
        assert!(!MasterSecret::new([2; 32]).keys("a").any(is_right));
        assert_eq!(new.clone().rooted([1; 32]).derive_lasting("n"), old.derive_lasting("n"));
        assert_ne!(new.derive_lasting("n"), old.derive_lasting("n"));
    }
}
