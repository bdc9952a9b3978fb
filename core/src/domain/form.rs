//! Parts of forms and of query strings.

use percent_encoding::percent_decode;

/// A name or a value as its sender meant it. `None` when it is not UTF-8: the usual parsers store replacement characters then.
pub fn decoded(part: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_read_whole_or_not_at_all() {
        assert_eq!(decoded(b"a+b%2Bc%20%D1%8F%zz").as_deref(), Some("a b+c \u{44f}%zz"));
        assert_eq!(decoded(b"%FF"), None);
    }
}
