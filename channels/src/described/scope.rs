//! Names and values, as expressions see them.

use minijinja::Value;
use minijinja::value::Object;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names and their values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope(Arc<Names>);

#[derive(Clone, Debug, Default)]
struct Names(BTreeMap<Arc<str>, Value>);

impl Object for Names {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_str()?).cloned()
    }
}

impl Scope {
    /// Gives a name a value.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        Arc::make_mut(&mut self.0).0.insert(name.into(), value.into());
    }

    /// The scope and one more name.
    pub(crate) fn with(&self, name: &str, value: impl Into<Value>) -> Self {
        let mut scope = self.clone();
        scope.set(name, value);
        scope
    }

    /// A name's value; undefined when it has none.
    pub(crate) fn get(&self, name: &str) -> Value {
        self.0.0.get(name).cloned().unwrap_or_default()
    }

    pub(super) fn root(&self) -> Value {
        Value::from_dyn_object(Arc::clone(&self.0))
    }
}

/// JSON as a value of expressions; integers of 64 bits stay exact.
pub(crate) fn value(json: &serde_json::Value) -> Value {
    Value::from(minijinja::value::Serde(json))
}
