//! Several processes on one store share the portal's tokens, of which each works once.

use openline::Config;
use openline_bitrix::Bitrix;
use openline_core::backend::Watched;
use openline_core::inbox::Doors;
use openline_core::{Backend, ChannelId, Store, SystemClock, Timestamp};
use openline_sandbox::SandboxConfig;
use openline_tests::{Database, Visitor, World, eventually};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

/// The service is one process; this is another one's backend, on a connection of its own to the same database.
struct Other {
    store: Arc<dyn Store>,
    backend: Bitrix,
}

impl Other {
    async fn start(world: &World) -> Self {
        let config = Config::parse(Path::new("test.toml"), &world.config_text(), Some(HashMap::new()));
        let config = config.unwrap_or_else(|errors| panic!("{errors}"));
        let store = openline_store::open(&config.store).await.unwrap();
        let site = ChannelId::parse("site").unwrap();
        let doors = Doors::new(Arc::clone(&store), Arc::new(SystemClock::new()), &[site]);
        let (portal, secret) = (config.portal_config(&BTreeMap::new()), config.secret.clone().unwrap());
        let backend = Bitrix::open(portal, doors.operator_inbox(), &secret).await.unwrap();
        Self { store, backend }
    }

    /// Whether it can work with the portal: reads a dialog's history there.
    async fn works(&self) -> bool {
        let conversation = self.store.following(None, Timestamp(0), 1).await.unwrap().remove(0);
        self.backend.missed(&[Watched { conversation, seen: None, patient: false }]).await.remove(0).is_ok()
    }
}

async fn talk(world: &World, visitor: &Visitor, text: &str) {
    visitor.send(text).await;
    world.portal_chat(text).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_goes_on_with_the_tokens_that_the_other_renewed() {
    let portal = SandboxConfig::default().without_limits();
    let world = World::on(Database::Postgres, portal, openline_tests::CHANNELS).await;
    let visitor = world.visitor().await;
    talk(&world, &visitor, "one").await;
    let other = Other::start(&world).await;
    assert!(other.works().await);
    for n in 0..3 {
        world.sandbox.expire_access_tokens();
        let text = format!("first {n}");
        visitor.send(&text).await;
        let chat = world.portal_chat("one").await;
        let arrived = |portal: openline_sandbox::View<'_>| portal.texts(chat, "client").contains(&text);
        world.sandbox.wait_until(arrived).await.unwrap();
        assert!(other.works().await, "with the service's tokens");
        world.sandbox.expire_access_tokens();
        assert!(other.works().await, "with its own ones");
    }
    assert_eq!(other.backend.status().problem, None);
}

/// The tokens are dead, and the administrator's new installation is told to one process only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_that_one_is_told_of_mends_the_other() {
    let portal = SandboxConfig::default().without_limits();
    let world = World::on(Database::Postgres, portal, openline_tests::CHANNELS).await;
    let visitor = world.visitor().await;
    talk(&world, &visitor, "one").await;
    let other = Other::start(&world).await;
    world.sandbox.revoke_tokens();
    assert!(!other.works().await);
    let problem = other.backend.status().problem.unwrap();
    assert!(
        problem.contains("does not accept openline any more") && problem.contains("/bitrix/authorize"),
        "{problem}"
    );
    world.install().await;
    eventually("it can work again", async || {
        other.backend.ready().await;
        other.works().await.then_some(())
    })
    .await;
}
