//! The operator's name before the text.

use crate::bbcode::strip_signature;

#[test]
fn signatures_are_taken_off() {
    for (bb, name, text) in [
        ("[b]Ann Lee:[/b] [br]Text", "Ann Lee", "Text"),
        ("[b]Ann Lee:[/b][br] Text", "Ann Lee", "Text"),
        ("[b]Ann Lee:[/b] ", "Ann Lee", ""),
        ("[b]Ann Lee:[/b]", "Ann Lee", ""),
        ("[B]Ann:[/B] [BR]    code\n[b]x:[/b]", "Ann", "    code\n[b]x:[/b]"),
        ("[b]Ann:[/b][br]     code", "Ann", "    code"),
        ("[b]A: B:[/b] \nText", "A: B", "Text"),
        ("[b]Ann:[/b]#BR# Text", "Ann", "Text"),
        ("[b]Ann:[/b] [br]", "Ann", ""),
        ("[b]Анна [1]:[/b] [br]Да", "Анна [1]", "Да"),
    ] {
        assert_eq!(strip_signature(bb), (Some(name.to_owned()), text), "{bb:?}");
    }
}

#[test]
fn other_text_has_none() {
    for bb in [
        "",
        "Text",
        "[b]",
        "[b]Ann[/b] [br]Text",
        "[b]Price:[/b] 100",
        "[b]:[/b] [br]Text",
        "[b]a\nb:[/b] [br]Text",
        " [b]Ann:[/b] [br]Text",
        "[b]Ann: [br]Text",
    ] {
        assert_eq!(strip_signature(bb), (None, bb), "{bb:?}");
    }
}
