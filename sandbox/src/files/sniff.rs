//! What a picture is and how large, from its first bytes.

/// MIME type of a picture by its signature; `None` for anything that is no picture.
pub(crate) fn image_mime(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        [b'B', b'M', ..] => Some("image/bmp"),
        _ => None,
    }
}

/// Width and height of PNG, GIF and JPEG.
pub(crate) fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    match image_mime(bytes)? {
        "image/png" => Some((big_endian(bytes.get(16..20)?), big_endian(bytes.get(20..24)?))),
        "image/gif" => Some((little_endian(bytes.get(6..8)?), little_endian(bytes.get(8..10)?))),
        "image/jpeg" => jpeg(bytes),
        _ => None,
    }
}

/// Walks the segments of a JPEG to its frame header.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let marker = *bytes.get(at + 1)?;
        let length = big_endian(bytes.get(at + 2..at + 4)?);
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            return Some((big_endian(bytes.get(at + 7..at + 9)?), big_endian(bytes.get(at + 5..at + 7)?)));
        }
        at += 2 + usize::try_from(length).ok()?;
    }
}

fn big_endian(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn little_endian(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn png_and_gif() {
        let mut png = vec![0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13, b'I', b'H', b'D', b'R'];
        png.extend([0, 0, 0, 7, 0, 0, 0, 9]);
        assert_eq!(dimensions(&png), Some((7, 9)));
        assert_eq!(dimensions(b"GIF89a\x05\x00\x06\x00"), Some((5, 6)));
        assert_eq!(dimensions(b"<svg/>"), None);
    }
}
