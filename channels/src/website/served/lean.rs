//! Scripts and style sheets without what only their readers need. Used by the build and for what is made while the
//! program runs.

/// A style sheet without its comments and the blanks that mean nothing. (None of ours has them in a string.)
pub fn lean(source: &str) -> String {
    let parts = source.split("/*").enumerate();
    let bare: String = parts
        .map(|(index, part)| if index == 0 { part } else { part.split_once("*/").map_or("", |(_, rest)| rest) })
        .collect();
    let lines: Vec<_> = bare.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let blanks = [(": ", ":"), ("; ", ";"), (", ", ","), (" {", "{"), ("{ ", "{"), (" }", "}")];
    let tight = blanks.iter().fold(lines.join("\n"), |css, (wide, narrow)| css.replace(wide, narrow));
    ["{", ";", ",", "}"].iter().fold(tight, |css, end| css.replace(&format!("{end}\n"), end)).replace(";}", "}")
}

/// A script without its indentation and comments.
pub fn bare(source: &str) -> String {
    let mut remark = false;
    source.lines().fold(String::with_capacity(source.len()), |mut out, line| {
        let begins = line.trim().starts_with("/**");
        let inside = remark || begins;
        remark = inside && !line.contains("*/");
        if inside || line.trim().is_empty() || line.trim().starts_with("//") {
            return out;
        }
        out.push_str(without_remark(line.trim()));
        out + "\n"
    })
}

/// A line without the comment at its end. (What has a quote in it may be a text.)
fn without_remark(line: &str) -> &str {
    match line.rsplit_once(" // ") {
        Some((code, remark)) if !remark.contains(['\'', '"', '`']) => code.trim_end(),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_sheets_lose_what_means_nothing() {
        let css =
            "/* a\n b */\na :hover,\nb { c: d; /* e */\n  f: g(h, 1px + 2px); }\n\n@media (i: j) { k { l: \"\"; } }\n";
        assert_eq!(lean(css), "a :hover,b{c:d;f:g(h,1px + 2px)}@media (i:j){k{l:\"\"}}");
    }
}
