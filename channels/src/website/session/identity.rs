//! Customers whom the embedding site knows. Its server signs their id with a secret it shares with us; whoever has such
//! a signature is that customer, on all their devices.

use hmac::{Hmac, KeyInit, Mac};
use openline_core::ConfigError;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;

/// Shortest secret, in characters.
const MIN_SECRET: usize = 32;
/// Longest id of a customer, in bytes.
const MAX_ID: usize = 200;

/// `[settings.identity]` as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(in crate::website) struct Raw {
    secret: Option<SecretString>,
    secrets: Vec<SecretString>,
    required: bool,
}

/// The secrets in force.
#[derive(Default)]
pub(in crate::website) struct Identity {
    secrets: Vec<SecretString>,
    /// Whether there is no chat for visitors whom nobody has identified.
    pub(in crate::website) required: bool,
}

/// Whom the embedding page says its visitor is.
#[derive(Deserialize)]
pub(in crate::website) struct Claim {
    /// Their id in the embedding site.
    pub(in crate::website) id: String,
    /// HMAC-SHA-256 of the id under the shared secret, in hex; empty when it was left out.
    #[serde(default)]
    pub(in crate::website) hash: String,
}

impl Identity {
    /// Checks the table.
    ///
    /// # Errors
    /// What is wrong, with the key.
    pub(in crate::website) fn read(raw: Raw) -> Result<Self, ConfigError> {
        let first = raw.secret.into_iter().map(|secret| ("identity.secret".to_owned(), secret));
        let more = raw.secrets.into_iter().enumerate();
        let more = more.map(|(index, secret)| (format!("identity.secrets[{index}]"), secret));
        let long = |(key, secret): (String, SecretString)| {
            let length = secret.expose_secret().chars().count();
            if length < MIN_SECRET {
                let problem =
                    format!("has {length} characters, at least {MIN_SECRET} are needed: openssl rand -hex 32");
                return Err(ConfigError::at(key, problem));
            }
            Ok(secret)
        };
        let secrets = first.chain(more).map(long).collect::<Result<Vec<_>, _>>()?;
        if raw.required && secrets.is_empty() {
            let problem = "needs identity.secret: without one nobody could be identified";
            return Err(ConfigError::at("identity.required", problem));
        }
        Ok(Self { secrets, required: raw.required })
    }

    /// Whether the claim was signed with one of the secrets.
    pub(in crate::website) fn proves(&self, claim: &Claim) -> bool {
        let id_ok = (1..=MAX_ID).contains(&claim.id.len()) && !claim.id.contains(char::is_control);
        let Some(hash) = from_hex(&claim.hash).filter(|_| id_ok) else { return false };
        self.secrets.iter().any(|secret| mac(secret, &claim.id).is_some_and(|mac| mac.verify_slice(&hash).is_ok()))
    }
}

fn mac(secret: &SecretString, id: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    mac.update(id.as_bytes());
    Some(mac)
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = (text.len() == 64 && text.is_ascii()).then_some(text)?;
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// The vector of docs/widget.md; each recipe there makes it.
    const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const ID: &str = "customer-42";
    const HASH: &str = "23ec0797ec2352dc78ac5d5328164f715c8a8d8bd84f5a7961fa972d5b215201";

    fn identity(toml: &str) -> Result<Identity, ConfigError> {
        Identity::read(toml::from_str(toml).unwrap())
    }

    fn claim(id: &str, hash: &str) -> Claim {
        Claim { id: id.into(), hash: hash.into() }
    }

    #[test]
    fn only_a_good_signature_proves() {
        let identity = identity(&format!("secret = '{SECRET}'")).unwrap();
        assert!(identity.proves(&claim(ID, HASH)));
        assert!(identity.proves(&claim(ID, &HASH.to_uppercase())));
        let flipped = HASH.replace('a', "b");
        let long = "x".repeat(201);
        for (id, hash) in [("customer-43", HASH), (ID, ""), (ID, &HASH[1..]), (ID, &flipped), ("", HASH), (&long, HASH)]
        {
            assert!(!identity.proves(&claim(id, hash)), "{id} {hash}");
        }
        assert!(!Identity::default().proves(&claim(ID, HASH)));
    }

    #[test]
    fn a_secret_can_be_changed_without_a_gap() {
        let other = "another secret that is long enough for it";
        let both = identity(&format!("secrets = ['{other}', '{SECRET}']")).unwrap();
        assert!(both.proves(&claim(ID, HASH)));
        assert!(!identity(&format!("secret = '{other}'")).unwrap().proves(&claim(ID, HASH)));
    }

    #[test]
    fn errors_say_where_and_what() {
        let error = |toml: &str| identity(toml).err().unwrap().to_string();
        assert!(error("secret = 'short'").starts_with("identity.secret: has 5 characters, at least 32"));
        assert!(error("secrets = ['short']").starts_with("identity.secrets[0]"));
        assert!(error("required = true").starts_with("identity.required: needs identity.secret"));
    }

    /// The code blocks of docs/widget.md, by language.
    fn recipe(language: &str) -> String {
        let page = include_str!("../../../../docs/widget.md");
        let block = page.split(&format!("```{language}\n")).nth(1).and_then(|rest| rest.split("```").next());
        block.unwrap_or_else(|| panic!("no recipe in {language}")).to_owned()
    }

    #[test]
    fn the_recipes_of_the_documentation_agree() {
        let mut ran = 0;
        for (language, program, flag) in
            [("python", "python3", "-c"), ("javascript", "node", "-e"), ("php", "php", "-r"), ("ruby", "ruby", "-e")]
        {
            let code = recipe(language);
            let code = code.trim_start_matches("<?php");
            let Ok(output) = Command::new(program).args([flag, code]).env("OPENLINE_IDENTITY_SECRET", SECRET).output()
            else {
                continue;
            };
            ran += 1;
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), HASH, "{language}: {output:?}");
        }
        println!("{ran} recipes ran");
        assert!(recipe("go").contains("hmac.New(sha256.New"));
        assert!(include_str!("../../../../docs/widget.md").contains(HASH), "the page tells the vector");
    }
}
