//! The plan as people read it: what `--dry-run` prints.

use std::fmt::{self, Display, Write};

use super::Plan;
use crate::compile::flags::Linker;
use crate::engine::EngineChoice;

impl Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = &self.binary;
        let kind = if binary.is_example { "example" } else { "binary" };
        let mut line = |name: &str, value: &str| writeln!(f, "{name:<10}  {value}");
        line(kind, &format!("{} (package {} {})", binary.name, binary.package, binary.version))?;
        for target in &self.compile.targets {
            let install = if target.install { ", to be installed first" } else { "" };
            let cpu = target.cpu.as_ref().map_or_else(String::new, |cpu| format!(" for {cpu}"));
            let c = target.c.as_ref().map_or_else(String::new, |compiler| format!(", C by {compiler}"));
            let cxx = target.cxx.as_ref().filter(|cxx| target.c.as_ref() != Some(cxx));
            let cxx = cxx.map_or_else(String::new, |compiler| format!(", C++ by {compiler}"));
            line(
                "platform",
                &format!("{} ({}{cpu}, linked by {}{c}{cxx}{install})", target.platform, target.triple, target.linker),
            )?;
        }
        for artifact in &self.compile.artifacts {
            line("platform", &format!("{} (of {}, which is not compiled)", artifact.platform, artifact.path))?;
        }
        if self.compile.static_pie {
            line("static-pie", "on every platform")?;
        }
        if let Some(allocator) = &self.compile.allocator {
            line("allocator", &format!("{} {}, of {}", allocator.name, allocator.version, allocator.package))?;
        }
        for call in &self.compile.calls {
            line("compile", &call.command)?;
        }
        if let Some(base) = &self.base {
            line("base", &base.to_string())?;
        }
        let image = &self.image.config;
        line("entrypoint", &image.entrypoint.join(" "))?;
        // What the base says is not known before it is there.
        let or_bases = |asked: bool, value: String| match self.base {
            Some(_) if !asked => format!("the base's, or else {value}"),
            _ => value,
        };
        line("user", &or_bases(!image.default_user, image.user.to_string()))?;
        line("workdir", &or_bases(!image.default_workdir, image.workdir.clone()))?;
        line("content", &self.image.ingredients.to_string())?;
        for included in &self.image.includes {
            line("include", &format!("{} at {}", included.include.source, included.include.target))?;
        }
        for (name, value) in &image.env {
            let asked = name != "PATH" || !image.default_path;
            line("env", &format!("{name}={}", or_bases(asked, value.clone())))?;
        }
        for (name, value) in &image.labels {
            line("label", &format!("{name}={value}"))?;
        }
        for port in &image.expose {
            line("expose", port)?;
        }
        for volume in &image.volumes {
            line("volume", volume)?;
        }
        if !image.cmd.is_empty() {
            line("cmd", &image.cmd.join(" "))?;
        }
        if let Some(signal) = &image.stop_signal {
            line("stopsignal", signal)?;
        }
        if let Some(healthcheck) = &image.healthcheck {
            line("health", &healthcheck.cmd.join(" "))?;
        }
        for (name, value) in &self.image.annotations {
            line("annotation", &format!("{name}={value}"))?;
        }
        for name in &self.outputs.names {
            line("name", &name.to_string())?;
        }
        if let Some(debug) = &self.debug {
            for name in &debug.outputs.names {
                line("debug", &format!("{name} on {}", debug.base))?;
            }
        }
        line("engine", &self.engine.choice.to_string())?;
        for step in &self.engine.steps {
            line("step", step)?;
        }
        Ok(())
    }
}

impl Display for Linker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Linker::RustLld => f.write_str("rust-lld"),
            Linker::User(program) => write!(f, "{program}, as configured"),
            Linker::Default => f.write_str("rustc's default linker"),
        }
    }
}

impl Display for EngineChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::engine::builtin::Loader;
        use crate::engine::docker::ImageStore;
        let store = |store| match store {
            ImageStore::Containerd => "containerd image store",
            ImageStore::Classic => "classic image store",
        };
        match self {
            EngineChoice::Docker(docker) => {
                f.write_str("docker (")?;
                f.write_str(store(docker.store))?;
                if docker.driver != "docker" {
                    write!(f, ", {} builder", docker.driver)?;
                }
                f.write_char(')')
            }
            EngineChoice::Podman(_) => f.write_str("podman"),
            EngineChoice::Builtin(builtin) => match builtin.loader {
                None => f.write_str("builtin"),
                Some(Loader::Docker(_)) => f.write_str("builtin, loading into docker"),
                Some(Loader::Podman) => f.write_str("builtin, loading into podman"),
            },
        }
    }
}
