//! Base images for the registry in memory.

use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use super::Registry;

/// An image for one platform or several, in docker's or OCI's form.
#[derive(Clone)]
pub struct Base {
    pub platforms: Vec<(&'static str, Option<&'static str>)>,
    /// The property `config` of the image configuration.
    pub config: Value,
    /// The only layer: folders end in a slash.
    pub files: Vec<(&'static str, &'static str)>,
}

impl Default for Base {
    fn default() -> Base {
        Base {
            platforms: vec![("amd64", None), ("arm64", Some("v8"))],
            config: json!({ "User": "web", "Env": ["PATH=/theirs", "A=1"], "WorkingDir": "/srv", "Cmd": ["theirs"] }),
            files: vec![("etc/", ""), ("etc/passwd", "web:x:101:102::/:/bin/none\n"), ("srv/", "")],
        }
    }
}

impl Base {
    /// The layer, which is not compressed.
    pub fn layer(&self) -> Vec<u8> {
        let mut archive = Builder::new(Vec::new());
        for (path, content) in &self.files {
            let mut header = Header::new_gnu();
            let is_folder = path.ends_with('/');
            header.set_entry_type(if is_folder { EntryType::Directory } else { EntryType::Regular });
            header.set_mode(if is_folder { 0o755 } else { 0o644 });
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap()
    }

    /// Puts it into the registry under a tag; returns its digest.
    pub fn put(&self, registry: &Registry, tag: &str) -> String {
        let docker = |kind: &str| format!("application/vnd.docker.{kind}");
        let layer = self.layer();
        let diff_id = registry.put_blob(&layer);
        let layer = json!({ "mediaType": docker("image.rootfs.diff.tar"), "digest": diff_id, "size": layer.len() });
        let manifests = self.platforms.iter().map(|(arch, variant)| {
            let mut config = json!({
                "os": "linux", "architecture": arch, "created": "2020-02-02T00:00:00Z", "config": self.config,
                "rootfs": { "type": "layers", "diff_ids": [diff_id] }, "history": [{ "created_by": "theirs" }],
            });
            let mut platform = json!({ "os": "linux", "architecture": arch });
            if let Some(variant) = variant {
                config["variant"] = json!(variant);
                platform["variant"] = json!(variant);
            }
            let config = config.to_string();
            let digest = registry.put_blob(config.as_bytes());
            let config =
                json!({ "mediaType": docker("container.image.v1+json"), "digest": digest, "size": config.len() });
            let media_type = docker("distribution.manifest.v2+json");
            let manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [layer] });
            let manifest = manifest.to_string();
            let digest = registry.put_manifest(tag, manifest.as_bytes());
            json!({ "mediaType": media_type, "digest": digest, "size": manifest.len(), "platform": platform })
        });
        let mut manifests: Vec<Value> = manifests.collect();
        manifests.push(json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": manifests[0]["digest"], "size": 1,
            "platform": { "os": "unknown", "architecture": "unknown" },
        }));
        let media_type = docker("distribution.manifest.list.v2+json");
        let list = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": manifests });
        registry.put_manifest(tag, list.to_string().as_bytes())
    }
}
