//! What a visitor's browser gets of the page's sources: what a visit begins with in one script and one sheet. Only the build uses it (`build.rs`).

/// The page's style sheets go out as one: together they are a fifth lighter than one by one.
pub const SHEET: &str = "page.css";
const SHEETS: [&str; 4] = ["chat.css", "log.css", "before.css", "frame.css"];

/// The page's script: what [`ENTRY`] imports, and what that imports, as one file, because each further one costs a
/// journey to the server.
pub const ENTRY: &str = "app.js";

/// The script [`ENTRY`], made of the files that `text` has.
pub fn script(text: &dyn Fn(&str) -> String) -> String {
    let modules: String = modules(text).iter().map(|name| wrapped(name, &text(name))).collect();
    format!("const m={{}};\n{modules}")
}

/// Modules in the order in which they can run.
fn modules(text: &dyn Fn(&str) -> String) -> Vec<String> {
    let (mut seen, mut order) = (Vec::new(), Vec::new());
    visit(text, ENTRY, &mut seen, &mut order);
    order
}

fn visit(text: &dyn Fn(&str) -> String, name: &str, seen: &mut Vec<String>, order: &mut Vec<String>) {
    if seen.iter().any(|known| known == name) {
        return;
    }
    seen.push(name.to_owned());
    text(name).lines().filter_map(imported).for_each(|(_, from)| visit(text, from, seen, order));
    order.push(name.to_owned());
}

/// The names that a line imports, and from which module of ours.
fn imported(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("import ")?.strip_suffix("';")?.split_once(" from './")
}

/// The name that a line exports.
fn exported(line: &str) -> Option<&str> {
    let words = line.strip_prefix("export ")?.split([' ', '(', ';', '=']);
    words.into_iter().find(|word| !["async", "class", "const", "function", "function*"].contains(word))
}

/// A module as a function of its own, which answers what it exports.
fn wrapped(name: &str, source: &str) -> String {
    let exports: Vec<_> = source.lines().filter_map(exported).collect();
    let lines = source.lines().map(|line| match imported(line) {
        Some((names, from)) => format!("const{}=m.{};", names.replace(' ', ""), short(from)),
        None => line.strip_prefix("export ").unwrap_or(line).to_owned(),
    });
    let body = lines.collect::<Vec<_>>().join("\n");
    format!("m.{}=(()=>{{\n{body}\nreturn{{{}}};\n}})();\n", short(name), exports.join(","))
}

/// A module's name as it stands in the script.
fn short(name: &str) -> &str {
    name.strip_suffix(".js").unwrap_or(name)
}

/// A file as it is served; `None` for what is only a source.
pub fn made(name: &str, text: &dyn Fn(&str) -> String) -> Option<String> {
    match name.split_once('.')?.1 {
        "js" | "css" | "svg" => Some(text(name)),
        _ => None,
    }
}

/// The sheet [`SHEET`].
pub fn sheet(text: &dyn Fn(&str) -> String) -> String {
    SHEETS.iter().map(|name| text(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::website::served::assets::{built, text, weight};

    #[test]
    fn modules_become_functions_that_answer_what_they_export() {
        let source = "import { h } from './dom.js';\nexport async function* a() {\n  h();\n}\nexport class B {}\n\
                      export const c = 'f // g';\nj;";
        let wanted = "m.x=(()=>{\nconst{h}=m.dom;\nasync function* a() {\n  h();\n}\nclass B {}\n\
                      const c = 'f // g';\nj;\nreturn{a,B,c};\n})();\n";
        assert_eq!(wrapped("x.js", source), wanted);
    }

    #[test]
    fn the_script_is_whole() {
        let order = modules(&text);
        assert!(order.len() > 15 && order.last().is_some_and(|last| last == ENTRY), "{order:?}");
        for name in &order {
            let at = |name: &str| order.iter().position(|known| known == name).unwrap();
            let source = text(name);
            assert!(!source.is_empty(), "{name}");
            for line in source.lines().filter(|line| line.starts_with("import ")) {
                let (names, from) = imported(line).unwrap_or_else(|| panic!("{name}: {line}"));
                assert!(at(from) < at(name), "{name} and {from} import each other");
                let all: Vec<_> = text(from).lines().filter_map(exported).map(str::to_owned).collect();
                for one in names.trim_matches(['{', '}', ' ']).split(", ") {
                    assert!(all.iter().any(|known| known == one), "{name}: {from} exports no {one}");
                }
            }
        }
        let script = script(&text);
        assert!(!script.contains("\nimport ") && !script.contains("\nexport "), "{script}");
    }

    #[test]
    fn what_is_only_a_source_is_not_served() {
        assert!(made("app.js", &text).is_some_and(|script| script.contains("import")));
        for name in [SHEET, ENTRY, "widget.js", "widget.css", "early.js"] {
            let (bare, remark) = (built(name), ["/*", "// "].map(|remark| built(name).contains(remark)));
            assert!(!bare.is_empty() && remark == [false, false], "{name}");
        }
        assert!(made("icon.svg", &text).is_some() && sheet(&text).contains(".chat"));
        assert!(
            weight(SHEET).zip(weight(ENTRY)).is_some_and(|(sheet, script)| sheet.1 < sheet.0 && script.1 < script.0)
        );
        assert_eq!(["page.html", "widget.d.ts", "x"].map(|name| made(name, &text)), [None, None, None]);
    }
}
