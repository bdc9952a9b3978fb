//! Accessibility by axe-core: what it finds in a page, in both colour schemes.

use super::Page;
use serde_json::{Value, json};

const AXE: &str = include_str!("../../vendor/axe-core/axe.min.js");

/// WCAG 2.2 AA and what it builds on, and axe's own good practice.
const RUN: &str = "const done = arguments[arguments.length - 1];
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    window.axe.run(document, { runOnly: tags, resultTypes: ['violations'] })
      .then((result) => done(result.violations.map(({ id, help, nodes }) =>
        `${id}: ${help}\\n` + nodes.map((node) => `    ${node.html}\\n    ${node.failureSummary}`).join('\\n'))))
      .catch((error) => done([`axe failed: ${error}`]));";

impl Page {
    /// Fails when the page as it is now breaks a rule in light or in dark colours; `state` says what is shown.
    ///
    /// # Panics
    /// That is what it is for.
    pub async fn is_accessible(&self, state: &str) {
        self.until("document.getAnimations().every((one) => one.playState !== 'running')").await;
        for scheme in ["light", "dark"] {
            let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
            self.devtools("Emulation.setEmulatedMedia", json!({ "features": [feature] })).await;
            self.until("document.getAnimations().every((one) => one.playState !== 'running')").await;
            let found = self.violations().await;
            assert!(found.is_empty(), "{state}, {scheme}:\n{}", found.join("\n"));
        }
    }

    async fn violations(&self) -> Vec<String> {
        // In a function of its own: the script must not see the page's `module` or `define`, if it has any.
        self.eval(&format!("if (!window.axe) {{ {AXE}\n }}")).await;
        let found = self.client().execute_async(RUN, vec![]).await.expect("axe runs");
        let found = found.as_array().cloned().unwrap_or_else(|| vec![json!("axe gave no result")]);
        found.iter().map(|one| one.as_str().map_or_else(|| Value::to_string(one), str::to_owned)).collect()
    }
}
