//! The operator's name that a portal puts before the text.

/// Separates the operator's name from the text, for a connector that was registered with signatures on.
///
/// The portal writes `[b]Name:[/b] [br]Text`, after an edit `[b]Name:[/b][br] Text`, and before nothing but files
/// `[b]Name:[/b] `. Anything else has no signature, in particular bold text that goes on in its line. Only the space
/// the portal adds is taken away: the text keeps its indent. An operator may type such a beginning himself; so ask for
/// this only where the portal signs, and only once.
pub fn strip_signature(bb: &str) -> (Option<String>, &str) {
    signed(bb).map_or((None, bb), |(name, text)| (Some(name.to_owned()), text))
}

fn signed(bb: &str) -> Option<(&str, &str)> {
    let line = strip_tag(bb, "[b]")?;
    let mut ends = line.match_indices(":[").map(|(at, _)| at);
    let (at, after) = ends.find_map(|at| Some((at, strip_tag(line.get(at + 1..)?, "[/b]")?)))?;
    let name = line.get(..at)?;
    let fits = !name.trim().is_empty() && !name.contains(['\n', '\r']);
    Some((name.trim(), text(after)?)).filter(|_| fits)
}

/// What follows the name, without the break between them; None if there is text but no break.
fn text(after: &str) -> Option<&str> {
    let spaced = after.trim_start_matches([' ', '\t']);
    if spaced.is_empty() {
        return Some(spaced);
    }
    let broken = ["[br]", "#br#", "\r\n", "\n"].iter().find_map(|mark| strip_tag(spaced, mark))?;
    let edited = spaced.len() == after.len();
    Some(broken.strip_prefix(' ').filter(|_| edited).unwrap_or(broken))
}

fn strip_tag<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(tag.len())?;
    start.eq_ignore_ascii_case(tag).then_some(rest)
}
