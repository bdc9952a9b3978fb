//! Parts of the documents that tell machines how the channels are called (OpenAPI): what no derive can say, because a bound
//! is a constant of the rule that it stands beside, or a word is core's.

use openline_core::message::{Dialog, ItemKind, Side, State};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use utoipa::Modify;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ArrayBuilder, Components, Content, ObjectBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
    Type,
};

/// A schema with a name of its own: `schema!(Id = text(1..=MAX_ID))`.
macro_rules! schema {
    ($(#[$doc:meta])* $name:ident = $made:expr) => {
        $(#[$doc])*
        pub(crate) enum $name {}

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $made.into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}
pub(crate) use schema;

/// What several calls are refused by, each a status and what it says.
macro_rules! refused_by {
    ($(#[$doc:meta])* $name:ident = $($status:literal: $says:literal),+ $(,)?) => {
        $(#[$doc])*
        pub(crate) enum $name {}

        impl utoipa::IntoResponses for $name {
            fn responses() -> crate::common::schema::Responses {
                crate::common::schema::refusals(&[$(($status, $says)),+])
            }
        }
    };
}
pub(crate) use refused_by;

/// The token that calls bear.
pub(crate) struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_with(Components::default);
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        // Those of this crate say nothing of the API.
        (document.info.contact, document.info.license) = (None, None);
    }
}

/// By status.
pub(crate) type Responses = BTreeMap<String, RefOr<Response>>;

/// Refusals, whose bodies are all the schema `Error`.
pub(crate) fn refusals(all: &[(&str, &str)]) -> Responses {
    let refusal = |(status, says): &(&str, &str)| {
        let body = Content::new(Some(Ref::from_schema_name("Error")));
        let response = ResponseBuilder::new().description(*says).content("application/json", body).build();
        ((*status).to_owned(), response.into())
    };
    all.iter().map(refusal).collect()
}

/// A text, so long in characters.
pub(crate) fn text(length: RangeInclusive<usize>) -> ObjectBuilder {
    let (least, most) = length.into_inner();
    ObjectBuilder::new().schema_type(Type::String).min_length((least > 0).then_some(least)).max_length(Some(most))
}

/// The same, or null.
pub(crate) fn or_null(text: ObjectBuilder) -> ObjectBuilder {
    text.schema_type(SchemaType::from_iter([Type::String, Type::Null]))
}

/// A whole number.
pub(crate) fn whole() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer)
}

/// So many at most of a schema that has a name.
pub(crate) fn at_most(most: usize, of: &str) -> ArrayBuilder {
    ArrayBuilder::new().items(Ref::from_schema_name(of)).max_items(Some(most))
}

/// Words of core, as serde writes them.
fn words<W: Serialize>(all: &[W]) -> ObjectBuilder {
    let values: Vec<Value> = all.iter().map(|word| json!(word)).collect();
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values))
}

schema!(
    /// Notes are for operators: none is ever shown.
    WireKind = words(&[ItemKind::Message, ItemKind::DialogStarted, ItemKind::DialogFinished])
);
schema!(
    /// Who said it.
    WireSide = words(&[Side::Visitor, Side::Operator, Side::System])
);
schema!(
    /// How far it has come.
    WireState = words(&[State::Sent, State::Delivered, State::Failed])
);
schema!(
    /// How the operators' dialog stands.
    WireDialog = words(&[Dialog::None, Dialog::Open, Dialog::Closed])
);

/// What may be asked for behind an address.
pub(crate) fn in_query(name: &str, what: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query).required(Required::False);
    parameter.description(Some(what)).schema(Some(schema)).build()
}

/// A parameter in the path of an address.
pub(crate) fn in_path(name: &str, what: &str, schema: impl Into<RefOr<Schema>>, example: &str) -> Parameter {
    let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
    parameter.description(Some(what)).schema(Some(schema)).example(Some(json!(example))).build()
}
