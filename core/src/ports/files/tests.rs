use super::*;

fn kept(head: &'static [u8]) -> Kept {
    Kept { id: FileId::parse(&"a".repeat(64)).unwrap(), size: 9, head: Bytes::from_static(head) }
}

#[test]
fn a_picture_is_told_by_its_content() {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x06\0\0\0";
    let file = describe("a.txt", "text/plain", &kept(png));
    assert_eq!((file.mime.as_str(), file.pixels), ("image/png", Some((2, 3))));
    assert_eq!(describe("a.png", "image/png", &kept(b"<script>")).mime, "application/octet-stream");
    assert_eq!(describe("a", "Text/Plain; charset=x", &kept(b"x")).mime, "text/plain");
    assert_eq!(describe("a", "text/html\r\nx: y", &kept(b"x")).mime, "application/octet-stream");
}

#[test]
fn names_are_harmless() {
    assert_eq!(file_name("../../etc/pass\nwd"), "passwd");
    assert_eq!(file_name("C:\\a\\b.pdf"), "b.pdf");
    assert_eq!(file_name(" \u{202e}..."), "file");
    assert!(file_name(&format!("{}.pdf", "x".repeat(400))).ends_with("x.pdf"));
}

#[test]
fn a_link_is_good_for_its_file_and_its_time() {
    let links =
        FileLinks::new("https://chat.example/", &MasterSecret::new([1; 32])).with_reader(Duration::from_secs(60));
    let place = FilePlace { conversation: ConversationId(3), message: MessageId(4), index: 1 };
    let file = describe("Ä b.pdf", "application/pdf", &kept(b"x"));
    let url = links.url(place, &file, Timestamp(0), Holder::Reader);
    assert!(url.starts_with("https://chat.example/f/3-4-1-60-") && url.ends_with("/%C3%84%20b.pdf"), "{url}");
    let token = url.split('/').nth(4).unwrap();
    assert_eq!(links.check(token, Timestamp(60_000)), Some(place));
    assert_eq!(links.check(token, Timestamp(61_000)), None);
    assert_eq!(links.check(&token.replacen("3-4", "3-5", 1), Timestamp(0)), None);
    let other = FileLinks::new("https://chat.example/", &MasterSecret::new([2; 32]));
    assert_eq!(other.check(token, Timestamp(0)), None);
    for bad in ["", "-", "1-2-3", "a-b-c-d-e", &format!("{token}-")] {
        assert_eq!(links.check(bad, Timestamp(0)), None, "{bad}");
    }
}

#[test]
fn rules_know_families() {
    let rules = FileRules { most: 1, types: vec!["image/*".into(), "application/pdf".into()] };
    assert!(rules.takes("image/png") && rules.takes("application/pdf"));
    assert!(!rules.takes("application/zip") && !rules.takes("imagex/png") && !rules.takes("image/svg+xml"));
    assert!(FileRules { types: vec!["image/svg+xml".into()], ..rules }.takes("image/svg+xml"));
    assert!(FileRules { most: 1, types: vec!["*/*".into()] }.takes("x/y"));
}

#[test]
fn what_runs_is_refused_by_default_whatever_it_claims_to_be() {
    let usual = FileRules::default();
    for (name, told) in [
        ("a.pdf", "application/pdf"),
        ("holiday.jpg", "image/jpeg"),
        ("page.html", "image/png"),
        ("notes.txt", "text/plain"),
        ("without-an-ending", "text/plain"),
        ("offer.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ] {
        assert_eq!(usual.refuses(name, told), None, "{name}");
    }
    for (name, told) in [
        ("invoice.exe", "text/plain"),
        ("invoice.pdf.JS", "application/pdf"),
        ("page.html", "text/plain"),
        ("a.zip", "application/zip"),
        ("a.bin", "application/octet-stream"),
        ("a.svg", "image/svg+xml"),
    ] {
        assert!(usual.refuses(name, told).is_some(), "{name}");
    }
    let all = FileRules { most: 1, types: vec!["*/*".into()] };
    assert_eq!(all.refuses("invoice.exe", "application/x-msdownload"), None);
}

proptest::proptest! {
    #[test]
    fn no_other_word_is_a_link(token in "[0-9a-f-]{0,80}", name in ".{0,200}") {
        let links = FileLinks::new("https://chat.example/", &MasterSecret::new([1; 32]));
        proptest::prop_assert!(links.check(&token, Timestamp(0)).is_none());
        let name = file_name(&name);
        let is_harmless = !name.is_empty() && name.chars().count() <= 150 && !name.contains(['/', '\\', '"', '\n', '\0']);
        proptest::prop_assert!(is_harmless && !name.starts_with('.'), "{name:?}");
    }
}
