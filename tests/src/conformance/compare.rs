//! Files compared in words: who looks for a fault wants to know where it is, not 150 kB of bytes.

use super::Attachment;
use std::fmt;

impl Attachment {
    /// Where it is other than wanted; nothing when it is not.
    fn difference(&self, wanted: &Self) -> Option<String> {
        let bytes = || {
            let first = self.bytes.iter().zip(&wanted.bytes).position(|(found, wanted)| found != wanted);
            let at = first.unwrap_or(self.bytes.len().min(wanted.bytes.len()));
            let shown = |bytes: &[u8]| bytes.get(at).map_or("nothing".to_owned(), |byte| format!("{byte:#04x}"));
            format!("at byte {at} there is {}, not {}", shown(&self.bytes), shown(&wanted.bytes))
        };
        match () {
            () if self.bytes != wanted.bytes => Some(bytes()),
            () if self.name != wanted.name => Some("it has another name".to_owned()),
            () => None,
        }
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By its beginning people know what sort of file it is.
        let head = self.bytes.get(..8).unwrap_or(&self.bytes).escape_ascii();
        write!(f, "{:?} ({} bytes, beginning with {head})", self.name, self.bytes.len())
    }
}

/// Panics unless these are the wanted files, in this order.
pub(super) fn same_files(what: &str, found: &[Attachment], wanted: &[Attachment]) {
    let pairs = found.iter().zip(wanted);
    let differ = pairs.filter_map(|(found, wanted)| Some(format!("{found:?}: {}", found.difference(wanted)?)));
    let differ: Vec<_> = differ.collect();
    assert!(
        differ.is_empty() && found.len() == wanted.len(),
        "{what}: it is {found:?} and should be {wanted:?}\n{}",
        differ.join("\n")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a file that came otherwise.
    fn said(name: &str, bytes: &[u8]) -> String {
        let wanted = Attachment { name: "list.pdf".to_owned(), bytes: b"%PDF-1.4\n".repeat(20_000) };
        let found = Attachment { name: name.to_owned(), bytes: bytes.to_vec() };
        let failed = std::panic::catch_unwind(|| same_files("a file", &[found], &[wanted]));
        failed.err().map(|said| said.downcast_ref::<String>().cloned().unwrap_or_default()).unwrap_or_default()
    }

    #[test]
    fn a_file_that_came_otherwise_is_told_in_a_few_words() {
        let whole = b"%PDF-1.4\n".repeat(20_000);
        assert_eq!(said("list.pdf", &whole), "");
        let cut = said("list.pdf", &whole[..1000]);
        assert!(
            cut.contains("\"list.pdf\" (1000 bytes, beginning with %PDF-1.4): at byte 1000 there is nothing, not 0x50"),
            "{cut}"
        );
        let other = [whole.as_slice(), b"more"].concat();
        assert!(said("list.pdf", &other).contains("at byte 180000 there is 0x6d, not nothing"));
        assert!(said("other.pdf", &whole).contains("it has another name"));
        assert!(cut.len() < 300, "{}", cut.len());
    }
}
