//! Which connector is switched on for which open lines, remembered over restarts.

use crate::config::Connector;
use openline_core::{Store, StoreError, Timestamp};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// So long after it was switched on, the portal may still say that a connector is off.
const NEW: Duration = Duration::from_secs(15);

const PREFIX: &str = "bitrix/line/";
/// Under this and a connector stands the line that an administrator chose for new conversations.
const CHOICE: &str = "bitrix/choice/";

/// One connector on one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Whether messages can be sent there.
    pub active: bool,
    /// When it was switched on (or off).
    pub since: Timestamp,
}

/// How the connectors (first) stand on the lines.
type Table = BTreeMap<(String, String), Binding>;

/// The table of (connector, line).
pub(crate) struct Lines {
    store: Arc<dyn Store>,
    table: RwLock<Table>,
    /// Which line new conversations of a connector shall go to.
    choices: RwLock<BTreeMap<String, String>>,
}

impl Lines {
    pub(crate) async fn load(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let (table, choices) = Self::stored(&store).await?;
        Ok(Self { store, table: RwLock::new(table), choices: RwLock::new(choices) })
    }

    /// Whether a value with this key is one of these.
    pub(crate) fn has(key: &str) -> bool {
        key.starts_with(PREFIX) || key.starts_with(CHOICE)
    }

    /// Reads again what another process may have written.
    pub(crate) async fn reload(&self) -> Result<(), StoreError> {
        let (table, choices) = Self::stored(&self.store).await?;
        *self.table.write() = table;
        *self.choices.write() = choices;
        Ok(())
    }

    async fn stored(store: &Arc<dyn Store>) -> Result<(Table, BTreeMap<String, String>), StoreError> {
        let mut table = BTreeMap::new();
        for (key, value) in store.state_list(PREFIX).await? {
            let name = key.strip_prefix(PREFIX).and_then(|rest| rest.split_once('/'));
            let binding = serde_json::from_slice(&value).ok();
            if let (Some((connector, line)), Some(binding)) = (name, binding) {
                table.insert((connector.to_owned(), line.to_owned()), binding);
            }
        }
        let chosen = |(key, line): (String, Vec<u8>)| {
            Some((key.strip_prefix(CHOICE)?.to_owned(), String::from_utf8(line).ok()?))
        };
        let choices = store.state_list(CHOICE).await?.into_iter().filter_map(chosen).collect();
        Ok((table, choices))
    }

    /// Remembers how a binding stands. False when that is known already.
    pub(crate) async fn set(
        &self,
        connector: &str,
        line: &str,
        active: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let key = (connector.to_owned(), line.to_owned());
        if self.table.read().get(&key).is_some_and(|binding| binding.active == active) {
            return Ok(false);
        }
        let binding = Binding { active, since: now };
        let value = serde_json::to_vec(&binding).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        let name = format!("{PREFIX}{connector}/{line}");
        self.store.state_put(&name, &value, openline_core::store::Expect::Anything).await?;
        self.table.write().insert(key, binding);
        Ok(true)
    }

    /// Whether a connector was switched on for a line only just now.
    pub(crate) fn is_new(&self, connector: &str, line: &str, now: Timestamp) -> bool {
        let key = (connector.to_owned(), line.to_owned());
        self.table.read().get(&key).is_some_and(|binding| binding.active && binding.since.until(now) < NEW)
    }

    /// Forgets everything: the application is gone from the portal.
    pub(crate) async fn clear(&self) -> Result<(), StoreError> {
        for prefix in [PREFIX, CHOICE] {
            for (key, _) in self.store.state_list(prefix).await? {
                self.store.state_delete(&key).await?;
            }
        }
        self.choices.write().clear();
        self.table.write().clear();
        Ok(())
    }

    /// Forgets a connector: it is not registered any more.
    pub(crate) async fn forget(&self, connector: &str) -> Result<(), StoreError> {
        for (key, _) in self.store.state_list(&format!("{PREFIX}{connector}/")).await? {
            self.store.state_delete(&key).await?;
        }
        self.table.write().retain(|(id, _), _| id != connector);
        Ok(())
    }

    /// Lets new conversations of a connector go to a line.
    pub(crate) async fn choose_for_new(&self, connector: &str, line: &str) -> Result<(), StoreError> {
        let key = format!("{CHOICE}{connector}");
        self.store.state_put(&key, line.as_bytes(), openline_core::store::Expect::Anything).await?;
        let mut choices = self.choices.write();
        choices.insert(connector.to_owned(), line.to_owned());
        Ok(())
    }

    /// The line a conversation goes to: where it is, while that is on; else the configured one, while that is on; else
    /// the one that an administrator chose, while that is on; else the one that was switched on first.
    pub(crate) fn choose(&self, connector: &Connector, present: Option<&str>) -> Option<String> {
        let active = self.active(&connector.id);
        let chosen = self.choices.read().get(&connector.id).cloned();
        let wanted = [present, connector.line.as_deref(), chosen.as_deref()];
        let kept = wanted.into_iter().flatten().find(|line| active.iter().any(|(name, _)| name == line));
        let first = || active.iter().min_by_key(|(_, since)| *since).map(|(name, _)| name.clone());
        kept.map(str::to_owned).or_else(first)
    }

    /// The lines that a connector is on for, by their numbers.
    pub(crate) fn active_lines(&self, connector: &str) -> Vec<String> {
        self.active(connector).into_iter().map(|(line, _)| line).collect()
    }

    fn active(&self, connector: &str) -> Vec<(String, Timestamp)> {
        let table = self.table.read();
        let of_connector = table.iter().filter(|((id, _), binding)| id == connector && binding.active);
        of_connector.map(|((_, line), binding)| (line.clone(), binding.since)).collect()
    }

    /// The connectors that are on for a line.
    pub(crate) fn connectors_on(&self, line: &str) -> Vec<String> {
        let table = self.table.read();
        let on = table.iter().filter(|((_, name), binding)| name == line && binding.active);
        on.map(|((connector, _), _)| connector.clone()).collect()
    }

    /// All bindings: connector, line, how it stands.
    pub(crate) fn all(&self) -> Vec<(String, String, Binding)> {
        self.table
            .read()
            .iter()
            .map(|((connector, line), binding)| (connector.clone(), line.clone(), *binding))
            .collect()
    }
}
