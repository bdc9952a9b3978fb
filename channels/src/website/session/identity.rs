//! Customers whom the embedding site knows. Its server signs who they are with a secret it shares with us: a JSON Web Token
//! of HS256, good for some minutes, for this channel only. Whoever has one is that customer, on all their devices.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use openline_core::{ConfigError, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Shortest secret, in characters.
const MIN_SECRET: usize = 32;
/// Longest id of a customer, in bytes.
const MAX_ID: usize = 200;
/// Longest of what else is signed, in characters.
const MAX_VALUE: usize = 200;
/// Longest token, in bytes.
const MAX_TOKEN: usize = 4096;
/// A token may end so much later …
const MINUTES: Duration = Duration::from_secs(15 * 60);
/// … and clocks may differ by so much.
const SKEW: Duration = Duration::from_secs(60);

/// `[settings.identity]` as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(in crate::website) struct RawIdentity {
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

/// What the embedding site vouches for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::website) struct Signed {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::website) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::website) email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::website) phone: Option<String>,
}

/// A customer whose token was good.
pub(in crate::website) struct Customer<'s> {
    /// Their id in the embedding site.
    pub(in crate::website) id: String,
    /// By which secret.
    pub(in crate::website) secret: &'s [u8],
    pub(in crate::website) signed: Signed,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    nbf: Option<i64>,
    channel: String,
    #[serde(flatten)]
    signed: Signed,
}

/// Where a token must be good for.
pub(in crate::website) struct Audience<'a> {
    /// The public address.
    pub(in crate::website) origin: &'a str,
    pub(in crate::website) channel: &'a str,
}

/// Why a token was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::website) enum Refused {
    #[error(
        "it is no JWT of HS256 that was signed with a secret of this channel, has sub, exp and aud, and is for {0}"
    )]
    Token(String),
    #[error("its exp is over")]
    Over,
    #[error("its exp is more than 15 minutes away")]
    Long,
    #[error("its nbf has not come yet")]
    Early,
    #[error("its channel is another one")]
    Channel,
    #[error("its sub must be 1 to {MAX_ID} bytes without control characters")]
    Subject,
}

impl Identity {
    /// Checks the table.
    ///
    /// # Errors
    /// What is wrong, with the key.
    pub(in crate::website) fn read(raw: RawIdentity) -> Result<Self, ConfigError> {
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

    /// The secrets' bytes.
    pub(in crate::website) fn secrets(&self) -> impl Iterator<Item = &[u8]> {
        self.secrets.iter().map(|secret| secret.expose_secret().as_bytes())
    }

    /// Whom a token names.
    ///
    /// # Errors
    /// Why it is refused.
    pub(in crate::website) fn customer(
        &self,
        token: &str,
        audience: &Audience<'_>,
        now: Timestamp,
    ) -> Result<Customer<'_>, Refused> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_audience(&[audience.origin]);
        rules.set_required_spec_claims(&["sub", "exp", "aud"]);
        // The time is ours, below.
        rules.validate_exp = false;
        let short = token.len() <= MAX_TOKEN;
        let read = |secret| {
            let read = jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_secret(secret), &rules);
            read.ok().filter(|_| short).map(|read| (read.claims, secret))
        };
        let found = self.secrets().find_map(read);
        let (claims, secret) = found.ok_or_else(|| Refused::Token(audience.origin.to_owned()))?;
        let ends = Timestamp(claims.exp.saturating_mul(1000));
        match () {
            () if ends.plus(SKEW) <= now => Err(Refused::Over),
            () if ends > now.plus(MINUTES + SKEW) => Err(Refused::Long),
            () if claims.nbf.is_some_and(|from| Timestamp(from.saturating_mul(1000)) > now.plus(SKEW)) => {
                Err(Refused::Early)
            }
            () if claims.channel != audience.channel => Err(Refused::Channel),
            () if !(1..=MAX_ID).contains(&claims.sub.len()) || claims.sub.contains(char::is_control) => {
                Err(Refused::Subject)
            }
            () => Ok(Customer { id: claims.sub, secret, signed: claims.signed.short() }),
        }
    }
}

impl Signed {
    /// Without what is empty or too long to be one.
    fn short(self) -> Self {
        let fit = |value: Option<String>| {
            value.filter(|value| !value.trim().is_empty() && value.chars().count() <= MAX_VALUE)
        };
        Self { name: fit(self.name), email: fit(self.email), phone: fit(self.phone) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use serde_json::{Value, json};
    use std::process::Command;

    const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const HERE: Audience<'_> = Audience { origin: "https://chat.example.com", channel: "site" };

    fn identity(toml: &str) -> Result<Identity, ConfigError> {
        Identity::read(toml::from_str(toml).unwrap())
    }

    fn ours() -> Identity {
        identity(&format!("secret = '{SECRET}'")).unwrap()
    }

    fn claims() -> Value {
        json!({
            "sub": "customer-42", "aud": "https://chat.example.com", "channel": "site",
            "exp": NOW.seconds() + 300, "name": "Ann Lee", "email": "ann@shop.example",
        })
    }

    fn signed(claims: &Value, algorithm: Algorithm, secret: &str) -> String {
        let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&jsonwebtoken::Header::new(algorithm), claims, &key).unwrap()
    }

    fn refused(claims: &Value) -> Option<Refused> {
        ours().customer(&signed(claims, Algorithm::HS256, SECRET), &HERE, NOW).err()
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[name] = value;
        claims
    }

    #[test]
    fn a_good_token_names_a_customer() {
        let ours = ours();
        let found = ours.customer(&signed(&claims(), Algorithm::HS256, SECRET), &HERE, NOW).ok().unwrap();
        assert_eq!((found.id.as_str(), found.signed.name.as_deref()), ("customer-42", Some("Ann Lee")));
        assert_eq!((found.signed.email.as_deref(), found.signed.phone), (Some("ann@shop.example"), None));
    }

    #[test]
    fn others_are_refused() {
        assert_eq!(refused(&claims()), None);
        assert_eq!(refused(&with("exp", json!(NOW.seconds() - 61))), Some(Refused::Over));
        assert_eq!(refused(&with("exp", json!(NOW.seconds() + 3600))), Some(Refused::Long));
        assert_eq!(refused(&with("exp", json!(i64::MAX))), Some(Refused::Long));
        assert!(refused(&with("exp", json!(i64::MIN))).is_some());
        assert_eq!(refused(&with("nbf", json!(NOW.seconds() + 120))), Some(Refused::Early));
        assert_eq!(refused(&with("nbf", json!(NOW.seconds()))), None);
        assert_eq!(refused(&with("channel", json!("other"))), Some(Refused::Channel));
        assert_eq!(refused(&with("sub", json!(""))), Some(Refused::Subject));
        assert_eq!(refused(&with("sub", json!("a\n"))), Some(Refused::Subject));
        for (name, value) in [
            ("aud", json!("https://evil.example")),
            ("aud", Value::Null),
            ("exp", Value::Null),
            ("exp", json!("soon")),
            ("exp", json!(1e300)),
            ("exp", json!([NOW.seconds() + 300])),
            ("nbf", json!("later")),
            ("aud", json!([])),
            ("sub", json!(["customer-42"])),
            ("sub", json!(42)),
            ("sub", Value::Null),
            ("channel", Value::Null),
        ] {
            assert!(matches!(refused(&with(name, value.clone())), Some(Refused::Token(_))), "{name} {value}");
        }
        let ours = ours();
        let refuses = |token: &str| ours.customer(token, &HERE, NOW).is_err();
        assert!(refuses(&signed(&claims(), Algorithm::HS256, "another secret")));
        assert!(refuses(&signed(&claims(), Algorithm::HS384, SECRET)), "another algorithm");
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let none = format!("{}.{}.", part(&json!({ "alg": "none", "typ": "JWT" })), part(&claims()));
        let mut not_signed = serde_json::to_string(&claims()).unwrap();
        not_signed.insert_str(1, "\"sub\":\"customer-1\",");
        for claims in [not_signed, "[]".to_owned(), "null".to_owned(), format!("{}x", claims())] {
            let body = format!("{}.{}", part(&json!({ "alg": "HS256" })), BASE64_URL_SAFE_NO_PAD.encode(&claims));
            let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
            let proof = jsonwebtoken::crypto::sign(body.as_bytes(), &key, Algorithm::HS256).unwrap();
            assert!(refuses(&format!("{body}.{proof}")), "twice the same claim, or no claims: {claims}");
        }
        assert!(refuses(&none) && refuses("") && refuses("a.b.c") && refuses(&"a.".repeat(5000)));
        assert!(Identity::default().customer(&signed(&claims(), Algorithm::HS256, SECRET), &HERE, NOW).is_err());
    }

    #[test]
    fn a_secret_can_be_changed_without_a_gap() {
        let other = "another secret that is long enough for it";
        let token = signed(&claims(), Algorithm::HS256, SECRET);
        let both = identity(&format!("secrets = ['{other}', '{SECRET}']")).unwrap();
        assert_eq!(both.customer(&token, &HERE, NOW).ok().unwrap().secret, SECRET.as_bytes());
        assert!(identity(&format!("secret = '{other}'")).unwrap().customer(&token, &HERE, NOW).is_err());
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
    fn the_recipes_of_the_documentation_make_good_tokens() {
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
            let token = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            // By the time of the machine that made it.
            let body = token.split('.').nth(1).and_then(|body| BASE64_URL_SAFE_NO_PAD.decode(body).ok());
            let body: Value =
                serde_json::from_slice(&body.unwrap_or_else(|| panic!("{language}: {output:?}"))).unwrap();
            let made = Timestamp((body["exp"].as_i64().unwrap() - 300) * 1000);
            let found = ours().customer(&token, &HERE, made).map(|customer| customer.id);
            assert_eq!(found.as_deref(), Ok("customer-42"), "{language}: {body}");
        }
        println!("{ran} recipes ran");
        assert!(recipe("go").contains("hmac.New(sha256.New"));
    }

    proptest::proptest! {
        #[test]
        fn any_token_is_refused_without_a_fault(token in "[A-Za-z0-9_=.-]{0,300}") {
            proptest::prop_assert!(ours().customer(&token, &HERE, NOW).is_err());
        }
    }
}
