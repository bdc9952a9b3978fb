//! Which databases are taken, and what a person is told of the others.

use super::talk::write;
use crate::cluster::{Cluster, Database};
use crate::common::open;
use openline_core::store::prelude::*;
use openline_store::{OpenError, PostgresStore};
use std::collections::BTreeSet;

async fn refusal(url: &str) -> String {
    let error = open(url).await.err().unwrap();
    assert!(matches!(error, OpenError::Refused { .. }), "{error}");
    let told = error.to_string();
    assert!(!told.contains("hunter2"), "{told}");
    told
}

/// Refused with these words, and not changed.
async fn refused(database: &Database, words: &str) {
    let look = "SELECT count(*), sum(xmin::text::bigint) FROM pg_class";
    let before = database.sql(look);
    let told = refusal(&database.url()).await;
    assert!(told.contains(words) && told.contains(&database.name), "{told}");
    assert_eq!(database.sql(look), before, "the database was changed");
}

#[tokio::test]
async fn both_schemes_name_a_database() {
    let database = Cluster::shared().database();
    for scheme in ["postgres://", "postgresql://"] {
        let url = database.url().replace("postgres://", scheme);
        let store = open(&url).await.unwrap();
        assert_eq!(write(&*store, "c", "a").await.unwrap().fresh, scheme == "postgres://");
        store.close().await;
    }
}

#[tokio::test]
async fn a_password_opens_and_is_never_told() {
    let database = Cluster::shared().database();
    let name = &database.name;
    database.sql(&format!("CREATE ROLE {name} LOGIN PASSWORD 'hunter2'; ALTER DATABASE {name} OWNER TO {name}"));
    let url = |password: &str| database.cluster.url_by_network(&format!("{name}:{password}"), name);
    open(&url("hunter2")).await.unwrap().close().await;
    let told = refusal(&url("hunter22")).await;
    assert!(told.contains("refuses the user or the password") && told.contains(name), "{told}");
    let told = refusal(&database.cluster.url_by_network("nobody:hunter2", name)).await;
    assert!(told.contains("refuses the user or the password"), "{told}");
}

#[tokio::test]
async fn a_missing_database_is_said_to_be_missing() {
    let told = refusal(&Cluster::shared().url("nothing")).await;
    assert!(told.contains("there is no such database") && told.contains("CREATE DATABASE nothing"), "{told}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_away() {
    let told = refusal("postgres://me:hunter2@127.0.0.1:1/openline").await;
    assert!(told.starts_with("postgres://me@127.0.0.1:1/openline: is not reachable"), "{told}");
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    for url in ["postgres://me:hunter2@host:port/db", "postgres://me:hunter2@[/db", "postgres://h:p/?password=hunter2"]
    {
        let error = open(url).await.err().unwrap();
        assert!(matches!(error, OpenError::UnknownUrl(_)), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn another_programs_tables_are_left_alone() {
    let database = Cluster::shared().database();
    database.sql("CREATE TABLE theirs (x int)");
    refused(&database, "holds the tables of another program").await;
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let database = Cluster::shared().database();
    PostgresStore::open(&database.url()).await.unwrap().close().await;
    database.sql("UPDATE openline SET value = '99' WHERE key = 'schema'");
    refused(&database, "was written by a newer openline (schema 99").await;
    database.sql("DELETE FROM openline WHERE key = 'schema'");
    refused(&database, "is damaged").await;
}

#[tokio::test]
async fn another_encoding_is_refused() {
    let cluster = Cluster::shared();
    let name = "latin";
    let options = "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'";
    cluster.sql("postgres", &format!("CREATE DATABASE {name} {options}"));
    refused(&Database { cluster, name: name.to_owned() }, "has the encoding LATIN1").await;
}

#[tokio::test]
async fn a_user_without_rights_is_told_so() {
    let database = Cluster::shared().database();
    let name = &database.name;
    database.sql(&format!("CREATE ROLE {name} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC"));
    let told = refusal(&database.url().replace("openline@", &format!("{name}@"))).await;
    assert!(told.contains("the user may not do that"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_begin_at_once() {
    let database = Cluster::shared().database();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let url = database.url();
        tasks.spawn(async move { PostgresStore::open(&url).await.unwrap().tag() });
    }
    assert_eq!(tasks.join_all().await.into_iter().collect::<BTreeSet<_>>().len(), 8, "each has its own tag");
}

/// A dump that is read in has other tables; a server that was set back or took over has another timeline.
#[tokio::test]
async fn a_database_that_came_back_from_a_backup_is_known() {
    let database = Cluster::shared().database();
    let opened = async || {
        let store = PostgresStore::open(&database.url()).await.unwrap();
        let restored = store.is_restored().await.unwrap();
        (store, restored)
    };
    assert!(!opened().await.1);
    assert!(!opened().await.1);
    database.sql("UPDATE openline SET value = regexp_replace(value, '/[0-9A-F]+/', '/FFFFFFFF/') WHERE key = 'place'");
    let (store, restored) = opened().await;
    assert!(restored && opened().await.1, "until it is made good, for all");
    store.made_good().await.unwrap();
    assert!(!opened().await.1);
}
