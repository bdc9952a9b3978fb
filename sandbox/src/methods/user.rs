//! `profile`, `user.*`: employees and the shadows of clients (bitrix24.md §5.2).
#![expect(clippy::unnecessary_wraps, reason = "all methods have one signature, also those that cannot fail")]

use serde_json::{Value, json};

use super::call::{Call, Outcome};
use crate::model::User;
use crate::php::value;
use crate::rest::envelope::Reply;

pub(super) fn profile(call: &mut Call<'_>) -> Outcome {
    let user = call.state.users.get(&call.caller.user).filter(|user| user.active);
    let shape = |user: &User| {
        json!({
            "ID": user.id.to_string(), "ADMIN": user.admin, "NAME": user.name, "LAST_NAME": user.last_name,
            "PERSONAL_GENDER": user.gender, "TIME_ZONE": "",
        })
    };
    Ok(user.map_or(json!([]), shape).into())
}

pub(super) fn is_admin(call: &mut Call<'_>) -> Outcome {
    Ok(json!(call.caller.admin).into())
}

pub(super) fn current(call: &mut Call<'_>) -> Outcome {
    Ok(call.state.users.get(&call.caller.user).map_or(json!([]), card).into())
}

/// `user.get`: by `ID` (one or a list), or everyone on the staff.
pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    let filter = call.params.get("FILTER").and_then(|filter| value::get(filter, "ID"));
    let wanted = call.params.get("ID").or(filter).map(ids);
    let matches = |user: &&User| match &wanted {
        Some(ids) => ids.contains(&user.id),
        None => user.external_key.is_none(),
    };
    let found: Vec<Value> = call.state.users.values().filter(matches).map(card).collect();
    let total = i64::try_from(found.len()).ok();
    Ok(Reply { total, ..Reply::from(json!(found)) })
}

fn ids(value: &Value) -> Vec<i64> {
    if value::is_array(value) {
        value::entries(value).into_iter().map(|(_, id)| value::int(id)).collect()
    } else {
        vec![value::int(value)]
    }
}

fn card(user: &User) -> Value {
    json!({
        "ID": user.id.to_string(), "ACTIVE": user.active, "NAME": user.name, "LAST_NAME": user.last_name,
        "SECOND_NAME": "", "EMAIL": user.email, "PERSONAL_GENDER": user.gender, "PERSONAL_PHOTO": user.picture_url,
        "PERSONAL_WWW": user.url, "PERSONAL_MOBILE": user.phone, "WORK_POSITION": "",
        "USER_TYPE": if user.external_key.is_some() { "imconnector" } else { "employee" },
    })
}
