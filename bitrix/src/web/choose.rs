//! The button "Send new conversations here". The page that shows it was opened by somebody who may change connectors.

use crate::config::Connector;
use crate::shared::Inner;
use crate::web::word;

/// What the button of this line brings.
pub(super) fn word(bitrix: &Inner, connector: &Connector, line: &str) -> String {
    word::word(&bitrix.choose_keys, &[&connector.id, line], bitrix.portal.clock().now())
}

/// The connector and the line of a word that was made here and is not too old.
pub(super) fn read<'w>(bitrix: &Inner, word: &'w str) -> Option<(&'w str, &'w str)> {
    let [connector, line] = word::read(&bitrix.choose_keys, word, bitrix.portal.clock().now())?;
    Some((connector, line))
}
