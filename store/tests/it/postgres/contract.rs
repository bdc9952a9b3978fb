//! The contract of the `Store` port, on PostgreSQL.

use crate::cluster::{Cluster, Database};
use async_trait::async_trait;
use openline_core::Tag;
use openline_core::contract::{Harness, Stop};
use openline_core::store::prelude::*;
use openline_store::PostgresStore;
use parking_lot::Mutex;
use std::sync::Arc;

/// Makes databases on the shared server.
#[derive(Default)]
struct Postgres {
    /// Each tag's newest database.
    databases: Mutex<Vec<(Tag, Arc<Database>)>>,
}

impl Postgres {
    async fn open(&self, database: Arc<Database>) -> Arc<dyn Store> {
        let store = PostgresStore::open(&database.url()).await.unwrap();
        self.databases.lock().push((store.tag(), database));
        Arc::new(store)
    }
}

#[async_trait]
impl Harness for Postgres {
    async fn fresh(&self) -> Arc<dyn Store> {
        self.open(Arc::new(Cluster::shared().database())).await
    }

    async fn reopen(&self, store: Arc<dyn Store>, stop: Stop) -> Arc<dyn Store> {
        let known = self.databases.lock().iter().rev().find(|(tag, _)| *tag == store.tag()).cloned();
        let (_, database) = known.unwrap();
        match stop {
            Stop::Clean => {
                store.close().await;
                self.open(database).await
            }
            Stop::Crash => self.open(Arc::new(database.abandoned())).await,
        }
    }
}

openline_core::store_contract!(Postgres::default());
