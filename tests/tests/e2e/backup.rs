//! A backup that is made while the service runs, and the service that goes on from it.

use openline::commands::backup::{Source, Target, backup, restore};
use openline::commands::privacy::{Whose, erase};
use openline_tests::World;
use serde_json::json;
use std::path::{Path, PathBuf};

fn written(world: &World) -> PathBuf {
    let config = world.folder().join("openline.toml");
    std::fs::write(&config, world.config_text()).unwrap();
    config
}

/// The disk is lost, but for what erasing wrote down.
fn lose(folder: &Path) {
    let lost = folder.join("lost");
    std::fs::create_dir(&lost).unwrap();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("openline.db") || name == "files" {
            std::fs::rename(entry.path(), lost.join(name)).unwrap();
        }
    }
}

#[tokio::test]
async fn a_service_goes_on_from_its_backup() {
    let mut world = World::start().await;
    let (stays, goes) = (world.visitor().await, world.visitor().await);
    stays.send("before").await;
    goes.send_with(&json!({ "key": "1", "text": "forget me", "name": "Greta Gone" })).await;
    let chat = world.portal_chat("before").await;
    world.portal_chat("forget me").await;
    let (config, archive) = (written(&world), world.folder().join("copy.tar"));
    let target = Target { file: archive.clone(), config: config.clone() };
    let told = backup(target).await.unwrap();
    assert!(told.contains("copy.tar"), "{told}");
    let again = backup(Target { file: archive.clone(), config: config.clone() }).await;
    assert!(again.unwrap_err().contains("is there already"));

    let whose = Whose { visitor: "Greta Gone".to_owned(), config: config.clone() };
    let told = erase(whose, false).await.unwrap();
    assert!(told.contains("erased here"), "{told}");
    world.stop_service().await;
    let source = |file: &Path| Source {
        file: file.to_owned(),
        erased: Some(world.folder().join("lost/openline.db.erased")),
        config: config.clone(),
    };
    let refused = restore(source(&archive)).await.unwrap_err();
    assert!(refused.contains("is there already"), "{refused}");
    lose(world.folder());
    let bytes = std::fs::read(&archive).unwrap();
    let cut = world.folder().join("cut.tar");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    assert!(restore(source(&cut)).await.is_err());
    assert!(!world.folder().join("openline.db").exists(), "nothing is left of a broken one");
    let told = restore(source(&archive)).await.unwrap();
    assert!(told.contains("1 conversations were erased again"), "{told}");

    world.start_service().await;
    stays.send("after").await;
    world.portal_chat("before").await;
    let arrived = move |portal: openline_sandbox::View<'_>| portal.texts(chat, "client") == ["before", "after"];
    world.sandbox.wait_until(arrived).await.unwrap();
    world.sandbox.operator_writes(chat, "welcome back").unwrap();
    stays.until(|items| items.iter().any(|item| item["text"] == "welcome back")).await;
    assert!(!goes.texts("visitor").await.iter().any(|text| text == "forget me"));
}
