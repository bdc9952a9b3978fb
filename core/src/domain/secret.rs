//! The installation's master secret, from which everything that must be signed or encrypted takes its own key.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq;

/// 32 random bytes made once per installation. Whoever has them can read stored tokens and forge visitor sessions.
#[derive(Clone)]
pub struct MasterSecret([u8; 32]);

impl MasterSecret {
    /// Takes the bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A key for one purpose; `label` names the purpose and must be unique in the program.
    pub fn derive(&self, label: &str) -> [u8; 32] {
        sign(&self.0, label.as_bytes())
    }
}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSecret(…)")
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
pub fn same(one: &str, other: &str) -> bool {
    !one.is_empty() && bool::from(one.as_bytes().ct_eq(other.as_bytes()))
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
}
