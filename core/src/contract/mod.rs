//! The promises of the [`Store`] port as tests that every implementation passes.
//!
//! A store's crate implements [`Harness`] and writes one line in a test file:
//!
//! ```text
//! openline_core::store_contract!(MyHarness::new());
//! ```
//!
//! which makes one `#[tokio::test]` of each promise. A promise is an `async fn` that panics when it is not kept. Each
//! gets a harness of its own and begins with a fresh store. Time is a parameter of the port, so nothing here sleeps.
//!
//! What a store may decide for itself is not promised here: the numbers it gives out (only that they grow), how far
//! positions are apart, and the order of what is due at the same moment.

// A promise that is not kept panics; that is what this module is for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

pub mod amending;
pub mod claiming;
mod compare;
pub mod dead;
pub mod dialogs;
pub mod durable;
pub mod edits;
pub mod erasing;
pub mod finding;
mod fixture;
pub mod hostile;
pub mod incoming;
pub mod late;
mod memory;
pub mod model;
mod nobody;
pub mod notes;
pub mod outgoing;
mod random;
pub mod reading;
mod reference;
pub mod settling;
pub mod state;

pub use memory::MemoryStore;
pub use nobody::Nobody;

use crate::ports::store::Store;
use async_trait::async_trait;
use std::sync::Arc;

/// How a store came to its end before it is opened again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It was closed.
    Clean,
    /// Its process or machine was gone from one moment to the next.
    Crash,
}

/// Makes stores for the tests.
#[async_trait]
pub trait Harness: Send + Sync {
    /// A new, empty store, apart from all others.
    async fn fresh(&self) -> Arc<dyn Store>;

    /// The same database opened again after that end. `store` is one that this harness made.
    async fn reopen(&self, store: Arc<dyn Store>, stop: Stop) -> Arc<dyn Store>;
}

/// Makes a `#[tokio::test]` of every promise in [`crate::contract`]. The expression makes a [`Harness`]; it is evaluated once
/// for each test. The calling crate needs `tokio` with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! store_contract {
    ($harness:expr) => {
        $crate::store_contract! { @tests $harness;
            incoming {
                a_message_is_stored_with_its_conversation_and_its_job,
                a_key_is_stored_once,
                a_key_that_comes_fifty_times_at_once_is_stored_once,
                messages_stand_in_the_order_in_which_they_came,
                fifty_messages_at_once_get_a_place_each,
                chats_and_channels_do_not_mix,
                a_profile_is_kept_until_another_one_comes,
                a_repeated_message_changes_nothing,
            }
            amending {
                an_edit_replaces_the_content,
                a_deletion_leaves_an_empty_item,
                what_changes_nothing_is_no_change,
                a_key_names_only_the_visitors_own_message,
                the_jobs_of_a_message_come_in_order_and_with_the_present_content,
            }
            outgoing {
                an_answer_is_stored_with_its_job,
                a_remote_id_is_stored_once,
                a_batch_may_come_again,
                a_batch_that_comes_fifty_times_at_once_is_stored_once,
                every_event_gets_its_result,
                operators_may_write_first,
                what_arrived_before_is_stored_and_not_sent,
            }
            late {
                a_late_answer_stands_before_the_later_ones,
                a_late_answer_stands_behind_what_was_there_before_the_later_one,
                a_hundred_late_answers_in_order_find_room,
                a_hundred_late_answers_in_reverse_find_room,
                followers_learn_of_everything_that_moved,
            }
            edits {
                an_edit_replaces_the_text_and_keeps_the_files,
                an_older_edit_never_replaces_a_newer_one,
                an_edit_back_to_the_present_text_outdates_older_ones,
                of_two_edits_of_the_same_moment_the_one_that_came_later_counts,
                the_same_text_is_no_edit,
                unknown_messages_are_neither_edited_nor_deleted,
                a_deletion_counts_once,
                a_deleted_message_is_not_edited,
            }
            dialogs {
                each_session_is_marked_once,
                a_dialog_begins_before_what_it_began_with,
                a_late_start_stands_before_the_question,
                a_start_after_its_finish_is_late,
                a_finish_without_a_start_closes,
                the_next_session_opens_the_dialog_again,
                a_finish_of_an_earlier_session_leaves_the_running_one_open,
                the_thread_keeps_what_is_not_told_anew,
                a_delivery_into_a_dialog_opens_it,
                open_dialogs_are_followed,
                past_dialogs_are_told_until_they_were_read,
                a_past_dialog_that_is_told_again_is_told_anew,
            }
            reading {
                items_since_tells_each_item_once_in_its_newest_shape,
                items_since_goes_on_from_the_last_item,
                nothing_is_beyond_the_newest_revision,
                a_limit_of_nothing_still_tells_the_revision,
                items_before_pages_without_gaps_or_doubles,
                items_of_another_conversation_are_not_found,
                a_follower_misses_nothing_while_others_write,
            }
            claiming {
                a_lane_gives_one_job_at_a_time,
                lanes_of_different_conversations_go_on_at_once,
                queues_are_apart,
                what_is_due_longest_comes_first,
                a_brand_new_conversation_stands_behind_those_that_exist,
                a_late_answer_goes_before_the_later_ones_that_wait,
                no_more_are_claimed_than_asked_for,
                the_next_due_moment_is_told,
                an_expired_lease_comes_again_and_is_uncertain,
                nobody_gets_a_job_that_somebody_has,
                hurry_makes_the_waiting_due,
                depth_counts_living_jobs,
                the_oldest_living_job_is_told,
                confirmations_of_a_lane_come_together,
                confirmations_succeed_one_by_one,
                confirmations_die_one_by_one,
                an_expired_lease_of_confirmations_comes_again,
            }
            settling {
                a_message_that_was_done_is_delivered,
                an_answer_that_was_done_is_no_news,
                an_edit_that_was_done_changes_nothing,
                the_ids_of_a_delivery_are_kept,
                a_follow_up_is_enqueued_with_the_settlement,
                a_lane_waits_whole_for_a_retry,
                attempts_are_counted_when_they_count,
                settling_twice_is_harmless,
                a_late_done_counts,
                a_late_done_of_a_waiting_job_frees_no_lane,
                unknown_jobs_are_passed_over,
            }
            dead {
                a_dead_job_fails_its_message_and_lets_the_lane_go_on,
                an_answer_that_died_is_failed,
                a_dead_edit_leaves_the_message_as_it_is,
                a_retried_message_goes_before_the_later_ones,
                a_retried_message_waits_for_what_is_under_way,
                what_is_not_failed_is_not_retried,
                a_dropped_dead_letter_is_forgotten,
                a_replayed_message_is_a_retried_one,
                changes_and_confirmations_are_replayed,
                a_change_goes_after_its_message,
                a_note_is_replayed,
                what_lives_or_is_gone_is_not_replayed,
                what_waits_is_shown,
                dead_letters_come_in_pages,
            }
            notes {
                a_note_of_a_message_comes_after_it,
                a_note_is_stored_once,
                a_note_needs_a_conversation,
                notes_are_told_to_an_admin,
                visitors_never_see_notes,
                a_notes_job_changes_nothing_visitors_see,
                a_notes_key_meets_no_other,
                a_dead_job_may_leave_a_note,
                notes_that_come_at_once_are_stored_once,
            }
            finding {
                a_conversation_is_found_by_its_id,
                visitors_are_found_by_what_is_known_of_them,
                found_visitors_come_in_pages,
                idle_conversations_are_told,
                living_jobs_keep_a_conversation,
            }
            erasing {
                an_erased_conversation_is_gone,
                an_erased_chat_begins_anew,
                erased_ids_are_not_used_again,
                jobs_of_an_erased_conversation_are_passed_over,
                files_are_told_when_nobody_names_them,
                files_of_deleted_and_changed_messages_are_noted,
                a_chats_values_go_with_it,
                erasing_leaves_nothing_half_done,
            }
            state {
                values_are_kept_replaced_and_forgotten,
                a_value_is_replaced_only_when_it_is_as_expected,
                fifty_increments_at_once_are_fifty,
                one_of_fifty_is_the_first,
                a_prefix_lists_exactly_what_begins_with_it,
                any_bytes_are_a_value,
            }
            durable {
                everything_is_there_after_a_clean_stop,
                everything_is_there_after_a_crash,
                a_leased_job_is_uncertain_after_a_clean_stop,
                a_leased_job_is_uncertain_after_a_crash,
                ids_are_not_used_again,
                every_opening_has_its_own_tag,
                a_closed_store_says_so,
            }
            hostile {
                visitors_may_write_anything,
                operators_may_write_anything,
                adapters_may_keep_anything,
                keys_that_look_alike_are_different,
                deeply_nested_texts_can_be_read_back,
                reasons_may_say_anything,
            }
            model {
                random_operations_do_what_the_model_does,
            }
        }
    };
    (@tests $harness:expr; $($theme:ident { $($promise:ident,)* })*) => {
        $(
            mod $theme {
                #[allow(unused_imports)]
                use super::*;
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $promise() {
                        $crate::contract::$theme::$promise(&$harness).await;
                    }
                )*
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    /// A promise that is missing in the macro would never be tested.
    #[test]
    fn every_promise_is_in_the_macro() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/contract");
        let mut promises = BTreeSet::new();
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let theme = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() || theme == "mod" {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let named = text.lines().filter_map(|line| line.strip_prefix("pub async fn "));
            promises.extend(named.filter_map(|rest| rest.split('(').next()).map(|name| format!("{theme}::{name}")));
        }
        let mut listed = BTreeSet::new();
        let mut theme = "";
        let list = include_str!("mod.rs").split("@tests $harness;").nth(1).unwrap();
        for line in list.lines().map(str::trim).skip(1).take_while(|line| *line != "};") {
            match (line.strip_suffix(" {"), line.strip_suffix(',')) {
                (Some(name), _) => theme = name,
                (_, Some(name)) => assert!(listed.insert(format!("{theme}::{name}")), "{name} is listed twice"),
                _ => {}
            }
        }
        assert_eq!(promises, listed);
    }
}
