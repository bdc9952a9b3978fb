use super::*;
use crate::website::welcome::texts;

fn fields(text: &str) -> Result<Vec<Field>, ConfigError> {
    Ok(labelled(read(toml::from_str(text).unwrap())?, texts::find("en").unwrap()))
}

fn faults(form: &[Field], contact: bool, profile: Value) -> Faults {
    let profile: Profile = serde_json::from_value(profile).unwrap();
    profile.check(form, contact).map_or_else(|problem| problem.fields, |_| Faults::new())
}

#[test]
fn fields_are_configured_in_short_or_in_full() {
    let form = fields(
        "fields = ['name', {key = 'email', required = true}, {key = 'order', label = 'Order'}, \
         {key = 'topic', label = 'Topic', kind = 'select', options = ['a', 'b']}]",
    );
    let form = form.unwrap();
    let known: Vec<_> = form.iter().map(|field| (field.key.as_str(), field.kind, field.required)).collect();
    let wanted = [
        ("name", FieldType::Text, false),
        ("email", FieldType::Email, true),
        ("order", FieldType::Text, false),
        ("topic", FieldType::Select, false),
    ];
    assert_eq!(known, wanted);
    for bad in [
        "fields = ['order']",
        "fields = [{key = 'Order', label = 'x'}]",
        "fields = [{key = 'consent', label = 'x'}]",
        "fields = [{key = 'order'}]",
        "fields = ['name', 'name']",
        "fields = [{key = 'x', label = 'x', kind = 'select'}]",
        "fields = [{key = 'x', label = 'x', options = ['a']}]",
        "fields = [{key = 'x', label = {de = ''}}]",
    ] {
        assert_eq!(fields(bad).unwrap_err().key, "before.fields", "{bad}");
    }
}

#[test]
fn labels_and_options_may_be_said_in_each_language() {
    let raw = "fields = [{key = 'topic', label = {de = 'Thema', en = 'Topic'}, kind = 'select', \
               options = [{de = 'Bestellung', en = 'Order'}, 'x']}]";
    let form = read(toml::from_str(raw).unwrap()).unwrap();
    let german = labelled(form.clone(), texts::find("de").unwrap());
    assert_eq!((german[0].label.as_str(), &german[0].options), ("Thema", &vec!["Bestellung".into(), "x".into()]));
    for (choice, wrong) in [("Order", false), ("Bestellung", false), ("x", false), ("Thema", true)] {
        let told = faults(&german, false, serde_json::json!({ "fields": { "topic": choice } }));
        assert_eq!(told.contains_key("topic"), wrong, "{choice}");
    }
    let unknown = toml::from_str::<RawBefore>("fields = [{key = 'x', label = {xx = 'x'}}]").unwrap_err().to_string();
    assert!(unknown.contains("\"xx\" is not a language of the chat"), "{unknown}");
}

#[test]
fn each_field_says_what_is_wrong_with_it() {
    let form = fields(
        "fields = [{key = 'name', required = true}, 'email', 'phone', {key = 'order', label = 'Order', required = true}, \
         {key = 'topic', label = 'Topic', kind = 'select', options = ['a']}]",
    );
    let form = form.unwrap();
    let wrong = serde_json::json!({"email": "x@y", "phone": "call me", "fields": {"order": " ", "topic": "z"}});
    let told = faults(&form, false, wrong);
    let wanted = [
        ("email", "email_invalid"),
        ("name", "value_missing"),
        ("order", "value_missing"),
        ("phone", "phone_invalid"),
        ("topic", "choice_invalid"),
    ];
    assert_eq!(told.iter().map(|(key, fault)| (key.as_str(), *fault)).collect::<Vec<_>>(), wanted);
    let right = serde_json::json!({"name": "Ann", "fields": {"order": 7, "unknown": "x"}});
    let profile: Profile = serde_json::from_value(right).unwrap();
    assert_eq!(profile.check(&form, false).unwrap().own, [("Order".to_owned(), "7".to_owned())]);
}

#[test]
fn who_writes_when_nobody_is_there_can_be_reached() {
    let form = with_contact(fields("fields = [{key = 'order', label = 'Order'}]").unwrap());
    let keys: Vec<_> = form.iter().map(|field| field.key.as_str()).collect();
    assert_eq!(keys, ["name", "email", "phone", "order"]);
    let told = faults(&form, true, serde_json::json!({"name": "Ann"}));
    assert_eq!(told.get("email"), Some(&"contact_missing"));
    assert!(faults(&form, true, serde_json::json!({"name": "Ann", "phone": "030 12345"})).is_empty());
}

#[test]
fn what_was_known_stays() {
    let known = Visitor { name: "Ann".into(), email: Some("a@b.co".into()), ..Visitor::default() };
    let told = Checked { phone: Some("+49301".into()), ..Checked::default() };
    let all = told.over(known);
    assert_eq!(
        (all.name.as_str(), all.email.as_deref(), all.phone.as_deref()),
        ("Ann", Some("a@b.co"), Some("+49301"))
    );
}
