//! What lies in a registry, in skopeo's words.

use serde_json::Value;

use super::{Cmd, Project};

/// A repository of a registry, named after a project; its images are deleted at the end.
pub struct Repository<'a> {
    project: &'a Project,
    /// `user:password`, where the registry wants them.
    login: Option<String>,
    /// `host:port/name`
    pub name: String,
}

impl<'a> Repository<'a> {
    /// In the registry that speaks plain HTTP.
    pub fn of(project: &'a Project) -> Repository<'a> {
        Repository::at(project, &project.engines.registry_plain, None)
    }

    /// Another one there.
    pub fn beside(project: &'a Project, name: &str) -> Repository<'a> {
        let name = format!("{}/{}-{name}", project.engines.registry_plain, project.id);
        Repository { project, login: None, name }
    }

    /// In the registry that speaks HTTPS.
    pub fn with_tls(project: &'a Project) -> Repository<'a> {
        Repository::at(project, &project.engines.registry_tls, None)
    }

    /// In the registry that wants a password.
    pub fn with_login(project: &'a Project) -> Repository<'a> {
        let engines = project.engines;
        let login = format!("{}:{}", engines.registry_user, engines.registry_password);
        Repository::at(project, &engines.registry_auth, Some(login))
    }

    fn at(project: &'a Project, host: &str, login: Option<String>) -> Repository<'a> {
        Repository { project, login, name: format!("{host}/{}", project.id) }
    }

    /// `host:port/name:tag`
    pub fn tagged(&self, tag: &str) -> String {
        format!("{}:{tag}", self.name)
    }

    /// The tags that there are.
    #[track_caller]
    pub fn tags(&self) -> Vec<String> {
        let listed = self.skopeo("list-tags", &[], &self.name).run();
        if listed.code != Some(0) {
            assert!(listed.stderr.contains("404 (Not Found)"), "{listed}");
            return Vec::new();
        }
        let tags = listed.json()["Tags"].as_array().cloned().unwrap_or_default();
        tags.iter().map(|tag| tag.as_str().unwrap().to_owned()).collect()
    }

    /// The manifest or index, as it lies there.
    #[track_caller]
    pub fn raw(&self, reference: &str) -> Value {
        self.skopeo("inspect", &["--raw"], reference).run().succeeded().json()
    }

    /// The digest that the registry has a reference by.
    #[track_caller]
    pub fn digest(&self, reference: &str) -> String {
        self.skopeo("inspect", &["--format={{.Digest}}"], reference).read()
    }

    fn skopeo(&self, verb: &str, options: &[&str], reference: &str) -> Cmd {
        let skopeo = self.project.skopeo().args([verb, "--tls-verify=false"]).args(options);
        skopeo.args(self.login.iter().flat_map(|login| ["--creds", login])).arg(format!("docker://{reference}"))
    }
}

impl Drop for Repository<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for tag in self.tags() {
            self.skopeo("delete", &[], &self.tagged(&tag)).run();
        }
    }
}

/// The platforms of an index, as `os/arch[/variant]`, in its order. Every arm64 is a v8.
pub fn platforms(index: &Value) -> Vec<String> {
    let name = |manifest: &Value| {
        let parts = ["os", "architecture", "variant"].map(|part| manifest["platform"][part].as_str());
        parts.into_iter().flatten().filter(|part| *part != "v8").collect::<Vec<_>>().join("/")
    };
    index["manifests"].as_array().into_iter().flatten().map(name).collect()
}
