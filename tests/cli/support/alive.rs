//! Whether a program lives: it holds a named pipe open, and the pipe ends with the last process that does.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};

use super::server::PATIENCE;

/// The reading end of the pipe.
pub struct Alive {
    path: PathBuf,
    news: Receiver<bool>,
}

impl Alive {
    /// Makes the pipe in this folder.
    pub fn within(folder: &Path) -> Alive {
        let path = folder.join("alive");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let (sender, news) = channel();
        let pipe = path.clone();
        std::thread::spawn(move || {
            // Waits for somebody to open it for writing.
            let mut pipe = std::fs::File::open(pipe).unwrap();
            let mut byte = [0];
            while pipe.read(&mut byte).unwrap() > 0 {
                sender.send(true).ok();
            }
            sender.send(false).ok();
        });
        Alive { path, news }
    }

    /// What a script does to be watched, and then nothing for long.
    pub fn script(&self) -> String {
        format!("exec 9> '{}'\nprintf x >&9\nsleep 120 &\nwait\n", self.path.display())
    }

    /// What a build script does to be watched, and then nothing for long; `before` comes first.
    pub fn build_script(&self, before: &str) -> String {
        format!(
            "use std::io::Write;\nfn main() {{\n    {before}\n    \
             let mut pipe = std::fs::OpenOptions::new().write(true).open({:?}).unwrap();\n    \
             pipe.write_all(b\"x\").unwrap();\n    \
             std::thread::sleep(std::time::Duration::from_secs(120));\n}}\n",
            self.path
        )
    }

    /// Waits until it lives.
    #[track_caller]
    pub fn wait_for_start(&self) {
        assert!(self.news.recv_timeout(PATIENCE).expect("it did not start"), "it ended at once");
    }

    /// Waits until it and all that it started have ended.
    #[track_caller]
    pub fn wait_for_end(&self) {
        assert!(!self.news.recv_timeout(PATIENCE).expect("it still lives"));
    }
}
