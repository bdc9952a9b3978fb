//! Which stand-in speaks for which messenger.

use super::call::{Call, Reply};
use super::terms::{Act, Which};
use super::world::World;
use super::{line, max, meta, viber, vk, whatsapp};
use serde_json::Value;

/// What a messenger tells of what a person does.
pub(super) fn event_of(which: Which, base: &str, person: &str, act: &Act) -> Option<Value> {
    match which {
        Which::Vk => vk::event(base, person, act),
        Which::Max => max::event(base, person, act),
        Which::WhatsApp => Some(whatsapp::event(person, act)),
        Which::Messenger => meta::event(base, person, act),
        Which::Viber => viber::event(base, person, act),
        Which::Line => line::event(person, act),
    }
}

/// What a messenger answers.
pub(super) fn answer(which: Which, base: &str, world: &mut World, call: &Call) -> Reply {
    match which {
        Which::Vk => vk::answer(base, world, call),
        Which::Max => max::answer(base, world, call),
        Which::WhatsApp => whatsapp::answer(base, world, call),
        Which::Messenger => meta::answer(world, call),
        Which::Viber => viber::answer(world, call),
        Which::Line => line::answer(world, call),
    }
}
