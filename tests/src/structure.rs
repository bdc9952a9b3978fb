//! How the code is built: which files import which, in circles or upwards, and which are too long. The house rules are in
//! CONTRIBUTING.md, the rooms in ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module's place in its crate: `["engine", "hub"]`.
type Place = Vec<String>;

/// The rooms of a crate from the top; those on one line know nothing of each other.
const ROOMS: &[(&str, &[&[&str]])] = &[
    ("core", &[&["contract"], &["engine"], &["ports"], &["domain"]]),
    ("store", &[&["open"], &["copy"], &["sqlite", "postgres", "disk"], &["steps"], &["url"]]),
    ("bitrix", &[&["web"], &["deliver"], &["lines"], &["access"], &["wire", "bbcode"], &["settings"]]),
    ("channels", &[&["website", "telegram", "api", "echo", "described"], &["common"]]),
    ("sandbox", &[]),
    ("bin", &[&["commands"], &["serve"], &["config"]]),
];

/// The names of all crates with product code.
pub fn crates() -> impl Iterator<Item = &'static str> {
    ROOMS.iter().map(|(name, _)| *name)
}

/// One crate's files and what they import.
pub struct House {
    name: &'static str,
    files: BTreeMap<Place, PathBuf>,
    code: BTreeMap<Place, String>,
    /// What a module gives on under a name of its own.
    given_on: BTreeMap<Place, BTreeMap<String, Place>>,
    imports: BTreeMap<Place, BTreeSet<Place>>,
}

impl House {
    /// Reads a crate of the workspace.
    pub fn read(name: &'static str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src");
        let mut files = BTreeMap::new();
        for file in sources(&root) {
            let inside = file.strip_prefix(&root).expect("it is in there").with_extension("");
            let mut place: Place = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if place.iter().any(|part| part == "tests") || place == ["main"] {
                continue;
            }
            if place.last().is_some_and(|last| last == "mod" || last == "lib") {
                place.pop();
            }
            files.insert(place, file);
        }
        let read = |file: &PathBuf| product(&bare(&std::fs::read_to_string(file).expect("a source")));
        let code = files.iter().map(|(place, file)| (place.clone(), read(file))).collect();
        let mut house = Self { name, files, code, given_on: BTreeMap::new(), imports: BTreeMap::new() };
        house.given_on = house.code.keys().map(|place| (place.clone(), house.what_is_given_on(place))).collect();
        house.imports = house.code.keys().map(|place| (place.clone(), house.what_is_imported(place))).collect();
        house
    }

    fn what_is_given_on(&self, place: &Place) -> BTreeMap<String, Place> {
        let uses = uses(&self.code[place]).into_iter().filter(|one| one.public);
        uses.filter_map(|one| Some((one.name.clone(), self.absolute(place, &one.path)?))).collect()
    }

    fn what_is_imported(&self, place: &Place) -> BTreeSet<Place> {
        let code = &self.code[place];
        let mut paths: Vec<Place> = Vec::new();
        for one in uses(code) {
            let Some(path) = self.absolute(place, &one.path) else { continue };
            // A module that was imported is named with what is in it.
            if self.files.contains_key(&path) {
                let inside = after(code, &format!("{}::", one.name)).into_iter();
                paths.extend(inside.map(|word| [path.clone(), vec![word]].concat()));
            } else if !one.public {
                paths.push(path);
            }
        }
        let bodies = without_uses(code);
        for start in ["crate::", "super::", "self::"] {
            for at in starts(&bodies, start) {
                let words: Place = path_at(&bodies[at..]);
                paths.extend(self.absolute(place, &words));
            }
        }
        for child in self.files.keys().filter(|file| file.len() == place.len() + 1 && file.starts_with(place)) {
            let name = child.last().expect("a child has a name");
            let inside = after(&bodies, &format!("{name}::")).into_iter();
            paths.extend(inside.map(|word| [child.clone(), vec![word]].concat()));
        }
        let found: BTreeSet<Place> = paths.iter().map(|path| self.home(path, 0)).collect();
        found.into_iter().filter(|home| home != place && self.files.contains_key(home)).collect()
    }

    /// A path from the crate's root; `None` when it leads out of the crate.
    fn absolute(&self, place: &Place, path: &[String]) -> Option<Place> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([place.as_slice(), rest].concat()),
            "super" => {
                let above = path.iter().take_while(|word| *word == "super").count();
                let left = place.len().checked_sub(above)?;
                Some([&place[..left], &path[above..]].concat())
            }
            _ => {
                let child = [place.as_slice(), std::slice::from_ref(first)].concat();
                self.files.contains_key(&child).then(|| [place.as_slice(), path].concat())
            }
        }
    }

    /// The module in which what a path names is written.
    fn home(&self, path: &[String], depth: usize) -> Place {
        let length = (0..=path.len()).rev().find(|n| self.files.contains_key(&path[..*n])).unwrap_or(0);
        let (module, rest) = path.split_at(length);
        let given = rest.first().and_then(|name| self.given_on.get(module)?.get(name));
        match given {
            Some(on) if depth < 8 && *on != path => self.home(&[on.as_slice(), &rest[1..]].concat(), depth + 1),
            _ => module.to_vec(),
        }
    }

    fn file(&self, place: &Place) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        self.files[place].strip_prefix(&root).unwrap_or(&self.files[place]).display().to_string()
    }

    /// Groups of files that import each other, by whatever way.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let reach: BTreeMap<&Place, BTreeSet<&Place>> =
            self.imports.keys().map(|from| (from, self.reach(from))).collect();
        let mut seen = BTreeSet::new();
        let mut circles = Vec::new();
        for (from, there) in &reach {
            let circle: Vec<_> = there.iter().filter(|to| reach[**to].contains(from)).map(|to| self.file(to)).collect();
            if there.contains(from) && seen.insert(circle.clone()) {
                circles.push(circle);
            }
        }
        circles
    }

    fn reach<'h>(&'h self, from: &Place) -> BTreeSet<&'h Place> {
        let mut found = BTreeSet::new();
        let mut left: Vec<&Place> = self.imports[from].iter().collect();
        while let Some(next) = left.pop() {
            if found.insert(next) {
                left.extend(self.imports[next].iter());
            }
        }
        found
    }

    /// Imports that run back up, or to the side, by the table of rooms: `from -> to`.
    pub fn upward(&self) -> Vec<String> {
        let (_, rooms) = ROOMS.iter().find(|(name, _)| *name == self.name).expect("a crate of the table");
        let height = |place: &Place| {
            let first = place.first()?;
            rooms.iter().position(|room| room.contains(&first.as_str()))
        };
        let mut found = Vec::new();
        for (from, all) in &self.imports {
            for to in all {
                let away = from.first() != to.first();
                if away && height(from).zip(height(to)).is_some_and(|(from, to)| to <= from) {
                    found.push(format!("{} -> {}", self.file(from), self.file(to)));
                }
            }
        }
        found
    }
}

/// All files of a folder and those below it.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let all = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    all.filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect()
}

/// The code without comments and without what stands in texts.
fn bare(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), String::new(), 0);
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    while at < bytes.len() {
        let rest = &text[at..];
        let begins_word = at == 0 || !is_word(bytes[at - 1]);
        let raw = rest.trim_start_matches('b').strip_prefix('r').filter(|_| begins_word);
        let raw = raw.map(|raw| (raw.len() - raw.trim_start_matches('#').len(), raw.trim_start_matches('#')));
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some((hashes, raw)) = raw.filter(|(_, raw)| raw.starts_with('"')) {
            let end = format!("\"{}", "#".repeat(hashes));
            let opening = rest.len() - raw.len() + 1;
            raw[1..].find(&end).map_or(rest.len(), |found| opening + found + end.len())
        } else if rest.starts_with('"') {
            quoted(rest)
        } else if rest.starts_with('\'') {
            letter(rest)
        } else {
            0
        };
        if skipped > 0 {
            at += skipped;
        } else {
            let next = rest.chars().next().unwrap_or(' ');
            out.push(next);
            at += next.len_utf8();
        }
    }
    out
}

/// The length of a text in quotes.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(rest.len(), |(at, _)| at + 1)
}

/// The length of a character in quotes; 0 for a lifetime.
fn letter(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, c))) => {
            rest[at + c.len_utf8()..].find('\'').map_or(0, |end| at + c.len_utf8() + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

/// The code without its tests.
fn product(code: &str) -> String {
    let Some(at) = code.find("#[cfg(test)]") else { return code.to_owned() };
    let (before, rest) = (&code[..at], &code[at + "#[cfg(test)]".len()..]);
    let (open, semicolon) = (rest.find('{').unwrap_or(rest.len()), rest.find(';').unwrap_or(rest.len()));
    if semicolon < open {
        return product(&format!("{before}{}", &rest[semicolon + 1..]));
    }
    let mut depth = 0;
    let end = rest[open..].char_indices().find(|(_, c)| {
        depth += i32::from(*c == '{') - i32::from(*c == '}');
        depth == 0
    });
    product(&format!("{before}{}", end.map_or("", |(end, _)| &rest[open + end + 1..])))
}

/// One name that a `use` brings.
struct Use {
    name: String,
    path: Place,
    public: bool,
}

/// Where each `use` begins (with what stands before it on the line) and ends.
fn use_places(code: &str) -> Vec<(usize, usize)> {
    let begins = code.match_indices("use ").filter(|(at, _)| {
        let line = code[..*at].rsplit('\n').next().unwrap_or_default().trim();
        line.is_empty() || line.starts_with("pub") && !line.contains("fn ")
    });
    begins.map(|(at, _)| (at, at + code[at..].find(';').unwrap_or(0))).collect()
}

fn uses(code: &str) -> Vec<Use> {
    let mut found = Vec::new();
    for (at, end) in use_places(code) {
        let public = code[..at].rsplit('\n').next().unwrap_or_default().trim().starts_with("pub");
        branches(&[], &code[at + 4..end], public, &mut found);
    }
    found
}

/// The names at the ends of a tree of paths.
fn branches(before: &[String], tree: &str, public: bool, found: &mut Vec<Use>) {
    let tree = tree.trim();
    let words = |path: &str| {
        path.split("::").map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect::<Place>()
    };
    if let Some(open) = tree.find('{').filter(|open| !tree[..*open].contains(',')) {
        let before = [before, &words(&tree[..open])].concat();
        let (mut depth, mut from) = (0, open + 1);
        for (at, c) in tree.char_indices().skip(open + 1) {
            match c {
                '{' => depth += 1,
                ',' if depth == 0 => {
                    branches(&before, &tree[from..at], public, found);
                    from = at + 1;
                }
                '}' if depth == 0 => return branches(&before, &tree[from..at], public, found),
                '}' => depth -= 1,
                _ => {}
            }
        }
        return;
    }
    let (path, other) = tree.split_once(" as ").map_or((tree, None), |(path, other)| (path, Some(other.trim())));
    let mut path = [before, &words(path)].concat();
    if path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let Some(last) = path.last() else { return };
    found.push(Use { name: other.unwrap_or(last).to_owned(), path: path.clone(), public });
}

fn without_uses(code: &str) -> String {
    let (mut out, mut from) = (String::new(), 0);
    for (at, end) in use_places(code) {
        if at >= from {
            out.push_str(&code[from..at]);
            from = end;
        }
    }
    out + &code[from..]
}

/// Where a path begins with these words.
fn starts<'c>(code: &'c str, words: &'c str) -> impl Iterator<Item = usize> + 'c {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let found = code.match_indices(words).map(|(at, _)| at);
    found.filter(move |at| !code[..*at].ends_with(part) && !code[..*at].trim_end().ends_with("(in"))
}

/// The word behind each place where a path begins with these words.
fn after(code: &str, words: &str) -> BTreeSet<String> {
    let next = |at: usize| path_at(&code[at + words.len()..]).into_iter().next();
    starts(code, words).filter_map(next).collect()
}

fn path_at(code: &str) -> Place {
    let end = code.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(code.len());
    code[..end].split("::").map(str::to_owned).filter(|word| !word.is_empty()).collect()
}

/// Files of more than `most` lines below these folders of the workspace, tests among them.
pub fn long_files(folders: &[&str], most: usize) -> Vec<(String, usize)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let all = folders.iter().flat_map(|folder| sources(&root.join(folder)));
    let lines = |file: &PathBuf| std::fs::read_to_string(file).expect("a source").lines().count();
    let long = all.map(|file| (lines(&file), file)).filter(|(lines, _)| *lines > most);
    long.map(|(lines, file)| (file.strip_prefix(&root).unwrap_or(&file).display().to_string(), lines)).collect()
}

/// Functions of more than `most` lines, told by how rustfmt indents them.
pub fn long_functions(folders: &[&str], most: usize) -> Vec<(String, usize)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for file in folders.iter().flat_map(|folder| sources(&root.join(folder))) {
        let text = std::fs::read_to_string(&file).expect("a source");
        let lines: Vec<&str> = text.lines().collect();
        for (begin, line) in lines.iter().enumerate() {
            let code = line.trim_start();
            let heads = [
                "fn ",
                "pub fn ",
                "async fn ",
                "pub async fn ",
                "pub(crate) fn ",
                "pub(super) fn ",
                "pub(crate) async fn ",
                "pub(super) async fn ",
            ];
            let Some(name) = heads.iter().find_map(|head| code.strip_prefix(head)) else { continue };
            let (open, close) = (&line[..line.len() - code.len()], format!("{}}}", &line[..line.len() - code.len()]));
            let ends = |line: &&str| {
                **line == close || line.starts_with(open) && line.ends_with(';') && line.trim_start().starts_with(')')
            };
            let length = lines[begin..].iter().position(ends).unwrap_or(0) + 1;
            if length > most && !line.ends_with(';') {
                let name = name.split(['(', '<']).next().unwrap_or_default();
                let file = file.strip_prefix(&root).unwrap_or(&file).display();
                found.push((format!("{file}: {name}"), length));
            }
        }
    }
    found
}

/// The files with product code that name a word: what knows a key of the configuration, or a method of the store.
pub fn files_that_name(word: &str) -> Vec<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let named = |code: &str| {
        code.match_indices(word)
            .any(|(at, _)| !code[..at].ends_with(is_word) && !code[at + word.len()..].starts_with(is_word))
    };
    let houses: Vec<_> = crates().map(House::read).collect();
    let files = houses.iter().flat_map(|house| house.code.iter().map(move |(place, code)| (house, place, code)));
    files.filter(|(_, _, code)| named(code)).map(|(house, place, _)| house.file(place)).collect()
}
