//! What a file is, told by its first bytes: what a sender claims is believed only where nothing hangs on it.
//!
//! The rules for files name families (`image/*`), and pictures are shown by browsers. So whatever calls itself a picture,
//! a sound or a film must look like one; a program, a script or a page never passes as such.

/// How many first bytes are enough.
pub(crate) const ENOUGH: usize = 512;

/// A document with scripts that calls itself a picture. Taken only where the rules name it outright.
pub(crate) const SVG: &str = "image/svg+xml";

const UNKNOWN: &str = "application/octet-stream";

/// The media type of a file that begins like this, for which its sender claims `mime`.
pub(crate) fn told(mime: &str, head: &[u8]) -> String {
    if let Some(picture) = picture(head) {
        return picture.to_owned();
    }
    let claimed = claimed(mime);
    let looks_like_it = match claimed.split('/').next() {
        Some("image") => claimed == SVG || is_other_picture(head),
        Some("audio" | "video") => is_media(head),
        _ => true,
    };
    if looks_like_it { claimed } else { UNKNOWN.to_owned() }
}

/// Pictures that browsers show, and those of telephones.
fn picture(head: &[u8]) -> Option<&'static str> {
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => match &brand(head)? {
            b"avif" | b"avis" => Some("image/avif"),
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" => Some("image/heic"),
            b"mif1" | b"msf1" => Some("image/heif"),
            _ => None,
        },
    }
}

/// What kind of ISO base media file it says to be (ISO/IEC 14496-12, box `ftyp`).
fn brand(head: &[u8]) -> Option<[u8; 4]> {
    (head.get(4..8)? == b"ftyp").then(|| head.get(8..12)?.try_into().ok()).flatten()
}

/// TIFF and what cameras make of it, icons, JPEG 2000, JPEG XL, Photoshop.
fn is_other_picture(head: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 7] = [
        b"II*\0",
        b"MM\0*",
        b"\0\0\x01\0",
        b"\0\0\0\x0cjP  \r\n\x87\n",
        b"\0\0\0\x0cJXL \r\n\x87\n",
        b"\xff\x0a",
        b"8BPS\0\x01",
    ];
    BEGINNINGS.iter().any(|beginning| head.starts_with(beginning))
}

/// Sounds and films; which of both is in a container can't be told by its beginning.
fn is_media(head: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 12] = [
        b"OggS",
        b"fLaC",
        b"ID3",
        b"MThd",
        b"#!AMR",
        b".snd",
        b"FLV\x01",
        b"caff\0",
        b"\x1a\x45\xdf\xa3",         // Matroska, WebM
        b"\x30\x26\xb2\x75\x8e\x66", // ASF: WMA, WMV
        b"\0\0\x01\xba",             // MPEG
        b"\0\0\x01\xb3",
    ];
    let framed = || matches!(head, [0xff, 0xe2 | 0xe3 | 0xf1..=0xf3 | 0xf9..=0xfd, ..]); // MP3, AAC
    let chunked = || match head {
        [b'R', b'I', b'F', b'F', _, _, _, _, rest @ ..] => rest.starts_with(b"WAVE") || rest.starts_with(b"AVI "),
        [b'F', b'O', b'R', b'M', _, _, _, _, rest @ ..] => rest.starts_with(b"AIF"),
        [_, _, _, _, rest @ ..] => [b"ftyp", b"moov", b"mdat", b"wide"].iter().any(|name| rest.starts_with(*name)),
        _ => false,
    };
    BEGINNINGS.iter().any(|beginning| head.starts_with(beginning)) || framed() || chunked()
}

/// A claimed type that is well formed and no picture that browsers show (those are told by their content).
fn claimed(mime: &str) -> String {
    let mime = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-' | b'_'))
    };
    let good = mime.len() <= 100 && mime.split_once('/').is_some_and(|(family, kind)| part(family) && part(kind));
    let shown = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"];
    if good && !shown.contains(&mime.as_str()) { mime } else { UNKNOWN.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn programs_scripts_and_pages_are_no_pictures_sounds_or_films() {
        let hostile: [&[u8]; 14] = [
            b"MZ\x90\0\x03\0\0\0\x04\0\0\0",
            b"\x7fELF\x02\x01\x01\0",
            b"\xca\xfe\xba\xbe\0\0\0\x34",
            b"\xcf\xfa\xed\xfe",
            b"#!/bin/sh\nrm -rf /",
            b"@echo off\r\n",
            b"<!DOCTYPE html><script>",
            b" \n<svg xmlns='http://www.w3.org/2000/svg'>",
            b"\xef\xbb\xbf<?xml version='1.0'?><svg>",
            b"<?php system($_GET[0]);",
            b"PK\x03\x04",
            b"%PDF-1.7",
            b"\xff\xfe<\0h\0t\0m\0l\0",
            b"",
        ];
        for head in hostile {
            for claim in
                ["image/heic", "image/x-icon", "image/png", "image/tiff", "audio/mpeg", "video/mp4", "IMAGE/X; a=b"]
            {
                assert_eq!(told(claim, head), "application/octet-stream", "{claim} {head:?}");
            }
        }
    }

    #[test]
    fn pictures_sounds_and_films_are_what_they_claim() {
        let good: [(&str, &[u8]); 12] = [
            ("image/tiff", b"II*\0\x08\0\0\0"),
            ("image/x-icon", b"\0\0\x01\0\x01\0"),
            ("image/jxl", b"\xff\x0a\0"),
            ("audio/mpeg", b"ID3\x04\0"),
            ("audio/mpeg", b"\xff\xfb\x90\x64"),
            ("audio/aac", b"\xff\xf1\x50\x80"),
            ("audio/ogg", b"OggS\0\x02"),
            ("audio/amr", b"#!AMR\n"),
            ("audio/wav", b"RIFF\x24\0\0\0WAVEfmt "),
            ("audio/webm", b"\x1a\x45\xdf\xa3\x9f"),
            ("video/mp4", b"\0\0\0\x20ftypisom\0\0\x02\0"),
            ("video/quicktime", b"\0\0\0\x14ftypqt  "),
        ];
        for (mime, head) in good {
            assert_eq!(told(mime, head), mime, "{head:?}");
        }
    }

    #[test]
    fn a_telephones_picture_is_told_by_its_box_whatever_is_claimed() {
        let heic = b"\0\0\0\x24ftypheic\0\0\0\0mif1heic";
        for claim in ["image/heic", "", "application/octet-stream", "video/mp4", "image/jpeg"] {
            assert_eq!(told(claim, heic), "image/heic", "{claim}");
        }
        assert_eq!(told("image/avif", b"\0\0\0\x1cftypavif"), "image/avif");
        assert_eq!(told("image/heic", b"\0\0\0\x1cftypisom"), "application/octet-stream", "a film");
    }

    #[test]
    fn other_files_are_what_their_senders_say() {
        assert_eq!(told("Text/Plain; charset=x", b"MZ"), "text/plain");
        assert_eq!(told("application/pdf", b"x"), "application/pdf");
        assert_eq!(told("image/svg+xml", b"<svg>"), "image/svg+xml", "taken only where it is named outright");
        for bad in ["", "x", "text/html\r\nx: y", "a b/c", "image/bmp"] {
            assert_eq!(told(bad, b"x"), "application/octet-stream", "{bad}");
        }
    }
}
