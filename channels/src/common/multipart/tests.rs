use super::*;
use axum::http::HeaderValue;
use futures_util::stream;

fn headers(kind: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))])
}

/// A body that comes in pieces of `size` bytes.
fn parts(body: &[u8], size: usize) -> Parts {
    let pieces: Vec<_> = body.chunks(size).map(|piece| Ok::<_, Error>(Bytes::copy_from_slice(piece))).collect();
    let body = Body::from_stream(stream::iter(pieces));
    Parts::new(&headers("multipart/form-data; boundary=AbC"), body, 100_000).unwrap()
}

async fn all(mut parts: Parts) -> Result<Vec<(Part, Vec<u8>)>> {
    let mut found = Vec::new();
    while let Some(part) = parts.next().await? {
        let mut content = Vec::new();
        while let Some(piece) = parts.piece().await? {
            content.extend_from_slice(&piece);
        }
        found.push((part, content));
    }
    Ok(found)
}

const BODY: &[u8] = b"--AbC\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n\r\nhi\r\n--Ab\r\n\r\n\
    --AbC \r\ncontent-disposition: form-data; filename=\"a;\\\"b\\\\c=\xc3\xa4.txt\"; name=files\r\n\
    Content-Type: text/plain; charset=x\r\n\r\n\xff\x00\r\n\r\n--AbC\r\nContent-Disposition: form-data; \
    name=\"empty\"; filename=\"\"\r\n\r\n\r\n--AbC--\r\nafterwards";

#[tokio::test]
async fn parts_are_the_same_however_the_body_is_cut() {
    for size in [1, 2, 3, 7, 30, 1000] {
        let found = all(parts(BODY, size)).await.unwrap();
        let (text, file, empty) = (&found[0], &found[1], &found[2]);
        assert_eq!((text.0.name.as_str(), text.0.file_name.as_deref()), ("text", None), "{size}");
        assert_eq!(text.1, b"\r\nhi\r\n--Ab\r\n", "{size}");
        assert_eq!(file.0.file_name.as_deref(), Some("a;\"b\\c=\u{e4}.txt"));
        assert_eq!((file.0.name.as_str(), file.0.mime.as_str()), ("files", "text/plain; charset=x"));
        assert_eq!(file.1, b"\xff\x00\r\n");
        assert_eq!((empty.0.file_name.as_deref(), empty.1.len(), found.len()), (Some(""), 0, 3));
    }
}

#[test]
fn names_in_other_letters_are_read() {
    let name = |given: &str| {
        part(&format!("Content-Disposition: form-data; name=\"files\"; {given}\r\nContent-Type: a/b")).file_name
    };
    let wide = "filename*=utf-8''%D0%BE%D1%82%D1%87%D1%91%D1%82.pdf";
    assert_eq!(name(wide).as_deref(), Some("отчёт.pdf"));
    assert_eq!(name(&format!("filename=\"?.pdf\"; {wide}")).as_deref(), Some("отчёт.pdf"));
    assert_eq!(name("FileName* = UTF-8'ru'a%27b ; x=y").as_deref(), Some("a'b"));
    assert_eq!(name("filename*=iso-8859-1'en'%A3%20rates").as_deref(), Some("£ rates"));
    // What can't be read leaves the plain name.
    for bad in ["utf-8''%ff", "koi8-r''%C1", "plain", "utf-8'x"] {
        assert_eq!(name(&format!("filename*={bad}; filename=\"a.pdf\"")).as_deref(), Some("a.pdf"), "{bad}");
        assert_eq!(name(&format!("filename*={bad}")), None, "{bad}");
    }
    assert_eq!(part("Content-Disposition: form-data; name*=utf-8''t%C3%A4xt").name, "täxt");
}

#[tokio::test]
async fn what_is_left_of_a_part_is_passed_over() {
    let mut parts = parts(BODY, 5);
    let mut names = Vec::new();
    while let Some(part) = parts.next().await.unwrap() {
        names.push(part.name);
    }
    assert_eq!(names, ["text", "files", "empty"]);
}

#[tokio::test]
async fn broken_bodies_are_told() {
    let kind = async |body: &[u8]| all(parts(body, 9)).await.unwrap_err().kind();
    assert_eq!(kind(b"").await, ErrorKind::UnexpectedEof);
    assert_eq!(kind(b"no boundary at all").await, ErrorKind::UnexpectedEof);
    assert_eq!(kind(&BODY[..BODY.len() - 30]).await, ErrorKind::UnexpectedEof);
    assert_eq!(kind(b"--AbC\r\nname: \xff\r\n\r\nx\r\n--AbC--").await, ErrorKind::InvalidData);
    assert_eq!(kind(&[b"--AbC\r\n", vec![b'x'; 20_000].as_slice()].concat()).await, ErrorKind::InvalidData);
    assert_eq!(kind(&vec![b'x'; 200_000]).await, ErrorKind::FileTooLarge);
    for none in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; charset=x"] {
        assert!(is_multipart(&headers(none)) && Parts::new(&headers(none), Body::empty(), 9).is_err());
    }
    assert!(!is_multipart(&headers("application/json")));
}

#[tokio::test]
async fn little_is_held_whatever_comes() {
    let endless = stream::repeat_with(|| Ok::<_, Error>(Bytes::from_static(&[b'\r'; 1000]))).take(90);
    let mut parts = parts(b"", 1);
    parts.body = Body::from_stream(endless).into_data_stream();
    while let Ok(Some(_)) = parts.piece().await {
        assert!(parts.held.len() < 2000);
    }
}

/// Reads all parts of a body that comes in these pieces; how much was held at the most.
async fn read_all(boundary: &str, pieces: Vec<Vec<u8>>) -> (Result<Vec<(Part, Vec<u8>)>>, usize) {
    let kind = format!("multipart/form-data; boundary={boundary}");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
    let body = Body::from_stream(stream::iter(pieces.into_iter().map(|piece| Ok::<_, Error>(Bytes::from(piece)))));
    let mut parts = Parts::new(&headers, body, 1_000_000).unwrap();
    let (mut read, mut most) = (Vec::new(), 0);
    loop {
        let part = match parts.next().await {
            Ok(Some(part)) => part,
            Ok(None) => return (Ok(read), most),
            Err(error) => return (Err(error), most),
        };
        let mut content = Vec::new();
        loop {
            most = most.max(parts.held.len());
            match parts.piece().await {
                Ok(Some(piece)) => content.extend_from_slice(&piece),
                Ok(None) => break,
                Err(error) => return (Err(error), most),
            }
        }
        read.push((part, content));
    }
}

fn in_pieces(body: &[u8], size: usize) -> Vec<Vec<u8>> {
    body.chunks(size).map(<[u8]>::to_vec).collect()
}

fn waits<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        body in proptest::collection::vec(
            proptest::prop_oneof![
                proptest::strategy::Just(b"\r\n--x".to_vec()),
                proptest::strategy::Just(b"\r\n\r\n".to_vec()),
                proptest::strategy::Just(b"Content-Disposition: form-data; name=\"a\"; filename*=UTF-8''%".to_vec()),
                proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40),
            ],
            0..30,
        ),
        size in 1..200usize,
    ) {
        let (_, held) = waits(read_all("x", in_pieces(&body.concat(), size)));
        proptest::prop_assert!(held <= MAX_HEAD + 2 * size + 16, "{held} bytes were held");
    }

    #[test]
    fn what_was_written_is_what_is_read_however_it_comes(
        contents in proptest::collection::vec(
            proptest::collection::vec(proptest::prop_oneof!["[\r\n-]", "[x-]", ".{0,5}"], 0..30),
            1..5,
        ),
        size in 1..100usize,
    ) {
        // None of them may hold what stands between parts.
        let contents: Vec<_> = contents.iter().map(|pieces| pieces.concat().replace("\r\n--xY", "").into_bytes()).collect();
        let mut body = Vec::new();
        for content in &contents {
            body.extend_from_slice(b"--xY\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n");
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--xY--\r\n");
        let (read, _) = waits(read_all("xY", in_pieces(&body, size)));
        let read: Vec<_> = read.unwrap().into_iter().map(|(_, content)| content).collect();
        proptest::prop_assert_eq!(read, contents);
    }
}
