//! Who the program runs as, and the `/etc/passwd` and `/etc/group` that give the number a name.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Entry, Owner};
use crate::error::{Error, Result};

/// The user of an image where none is asked for: the one that distroless images call `nonroot`.
pub const NONROOT: u32 = 65532;

/// A user, by number: Kubernetes' `runAsNonRoot` refuses an image that names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user and its group.
    pub owner: Owner,
    /// What `/etc/passwd` calls it.
    pub name: String,
}

impl Default for User {
    fn default() -> User {
        User::numbered(Owner { uid: NONROOT, gid: NONROOT })
    }
}

impl User {
    /// Reads `UID[:GID]` or `NAME:UID[:GID]`. Without a group it is the one with the user's number.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if it has no number, or one that no Linux takes.
    pub fn parse(text: &str) -> Result<User> {
        let number = |part: &str| part.parse::<u32>().ok().filter(|id| *id <= i32::MAX.cast_unsigned());
        let parts: Vec<&str> = text.split(':').collect();
        let (name, numbers) = match parts.as_slice() {
            [first, rest @ ..] if number(first).is_none() && !rest.is_empty() => (Some(*first), rest),
            all => (None, all),
        };
        let numbers: Option<Vec<u32>> = numbers.iter().map(|part| number(part)).collect();
        let owner = match numbers.as_deref() {
            Some([uid]) => Owner { uid: *uid, gid: *uid },
            Some([uid, gid]) => Owner { uid: *uid, gid: *gid },
            _ => return Err(not_numeric(text)),
        };
        match name {
            None => Ok(User::numbered(owner)),
            Some(name) if !is_name(name) => Err(not_numeric(text)),
            Some("root") if owner.uid != 0 => Err(Error::usage(format!("`{text}` calls a user root that is not"))
                .help("root is 0: write the number alone, or give it another name")),
            Some(name) => Ok(User { owner, name: name.to_owned() }),
        }
    }

    /// The user with these numbers, under the name that other images know it by.
    pub fn numbered(owner: Owner) -> User {
        let name = match owner.uid {
            0 => "root",
            NONROOT => "nonroot",
            65534 => "nobody",
            _ => "app",
        };
        User { owner, name: name.to_owned() }
    }

    /// Whether it may do everything.
    pub fn is_root(&self) -> bool {
        self.owner.uid == 0
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.owner.uid, self.owner.gid)
    }
}

impl Serialize for User {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn not_numeric(text: &str) -> Error {
    Error::usage(format!("`{text}` is not a numeric user")).help(format!(
        "write UID, UID:GID or NAME:UID, such as {NONROOT}:{NONROOT} or app:1000: what runs the image may know no names"
    ))
}

/// As `useradd` takes it.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
    text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') && text.len() <= 32 && text.chars().all(plain)
}

/// `/etc/passwd` and `/etc/group` with root and this user, after whatever lines a base image has in its own.
///
/// The formats are those of passwd(5) and group(5). Nobody can log in.
pub fn entries(user: &User, home: &str, base: BaseFiles<'_>) -> Vec<Entry> {
    let User { owner: Owner { uid, gid }, name } = user;
    let (root_home, root_group) = if user.is_root() { (home, *gid) } else { ("/", 0) };
    // A name that the base gives to another number would be two users.
    let name_in = |file: Option<&str>| match names(file).any(|known| known == name) {
        true => format!("app-{uid}"),
        false => name.clone(),
    };
    let (login, group) = (name_in(base.passwd), if user.is_root() { "app".to_owned() } else { name_in(base.group) });
    let users = [
        (0, format!("root:x:0:{root_group}:root:{root_home}:{NOLOGIN}")),
        (*uid, format!("{login}:x:{uid}:{gid}:{login}:{home}:{NOLOGIN}")),
    ];
    let groups = [(0, "root:x:0:".to_owned()), (*gid, format!("{group}:x:{gid}:"))];
    let files = [("/etc/passwd", base.passwd, users), ("/etc/group", base.group, groups)];
    let changed = files.into_iter().filter_map(|(path, base, lines)| Some(Entry::bytes(path, extended(base, &lines)?)));
    changed.collect()
}

/// What a base image has of the two files.
#[derive(Clone, Copy, Debug, Default)]
pub struct BaseFiles<'a> {
    /// Its `/etc/passwd`.
    pub passwd: Option<&'a str>,
    /// Its `/etc/group`.
    pub group: Option<&'a str>,
}

const NOLOGIN: &str = "/sbin/nologin";

fn names(file: Option<&str>) -> impl Iterator<Item = &str> {
    file.unwrap_or_default().lines().filter_map(|line| line.split(':').next())
}

/// The file with the lines for numbers that it does not know; `None` if it knows them all.
fn extended(base: Option<&str>, lines: &[(u32, String)]) -> Option<Vec<u8>> {
    let mut text = base.unwrap_or_default().to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let before = text.len();
    for (id, line) in lines {
        if !text.lines().any(|line| line.split(':').nth(2) == Some(&id.to_string())) {
            text.push_str(line);
            text.push('\n');
        }
    }
    (base.is_none() || text.len() > before).then(|| text.into_bytes())
}

/// The number that a base image's `/etc/passwd` knows a user by, and its group: what `USER` of its configuration means.
pub fn lookup(user: &str, base: BaseFiles<'_>) -> Option<Owner> {
    let (name, group) = user.split_once(':').map_or((user, None), |(name, group)| (name, Some(group)));
    let line = |file: Option<&str>, name: &str| {
        let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
        let is_it = |fields: &Vec<String>| {
            fields.first().is_some_and(|n| n == name) || fields.get(2).is_some_and(|id| id == name)
        };
        file.unwrap_or_default().lines().map(fields).find(is_it)
    };
    let known = line(base.passwd, name);
    let field = |at: usize| known.as_ref().and_then(|fields| fields.get(at)?.parse().ok());
    let uid = name.parse().ok().or_else(|| field(2))?;
    let gid = match group {
        Some(group) => group.parse().ok().or_else(|| line(base.group, group)?.get(2)?.parse().ok())?,
        // A number that no file knows has root's group; so it is with docker.
        None => field(3).unwrap_or(0),
    };
    Some(Owner { uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, String) {
        let user = User::parse(text).unwrap();
        (user.to_string(), user.name)
    }

    #[test]
    fn users_have_numbers_and_may_have_names() {
        for (text, numbers, name) in [
            ("1000", "1000:1000", "app"),
            ("0:0", "0:0", "root"),
            ("65532", "65532:65532", "nonroot"),
            ("api:1000", "1000:1000", "api"),
            ("api:1000:50", "1000:50", "api"),
        ] {
            assert_eq!(parsed(text), (numbers.to_owned(), name.to_owned()), "{text}");
        }
        for text in ["app", "-1", "1000:", "1:2:3", "4294967295", "", "Api:1", "a b:1", "root:1000", ":1", "api:x"] {
            assert!(User::parse(text).is_err(), "{text}");
        }
    }

    fn texts(user: &User, base: BaseFiles<'_>) -> Vec<(String, String)> {
        let text = |entry: Entry| match entry.content {
            super::super::Content::Bytes(bytes) => (entry.path, String::from_utf8(bytes.into_owned()).unwrap()),
            _ => panic!("{entry:?}"),
        };
        entries(user, "/", base).into_iter().map(text).collect()
    }

    #[test]
    fn the_files_name_the_user_and_root() {
        let made = texts(&User::default(), BaseFiles::default());
        let passwd = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n";
        assert_eq!(made[0], ("/etc/passwd".into(), passwd.into()));
        assert_eq!(made[1], ("/etc/group".into(), "root:x:0:\nnonroot:x:65532:\n".into()));
        let root = texts(&User::parse("0").unwrap(), BaseFiles::default());
        assert_eq!(root[0].1, "root:x:0:0:root:/:/sbin/nologin\n");
    }

    #[test]
    fn a_base_keeps_its_lines_and_gets_those_it_lacks() {
        let base =
            BaseFiles { passwd: Some("root:x:0:0::/root:/bin/sh"), group: Some("root:x:0:\nnonroot:x:65532:\n") };
        let made = texts(&User::default(), base);
        assert_eq!(
            made,
            [(
                "/etc/passwd".into(),
                "root:x:0:0::/root:/bin/sh\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n".into()
            )]
        );
    }

    #[test]
    fn no_name_is_given_twice() {
        let base = BaseFiles {
            passwd: Some("root:x:0:0::/:/x\nweb:x:101:101::/:/x\n"),
            group: Some("root:x:0:\nweb:x:101:\n"),
        };
        let made = texts(&User::parse("web:1000").unwrap(), base);
        assert!(made[0].1.ends_with("\napp-1000:x:1000:1000:app-1000:/:/sbin/nologin\n"), "{made:?}");
        assert!(made[1].1.ends_with("\napp-1000:x:1000:\n"), "{made:?}");
        let root = texts(&User::parse("0:1000").unwrap(), BaseFiles::default());
        assert_eq!(root[0].1, "root:x:0:1000:root:/:/sbin/nologin\n");
        assert_eq!(root[1].1, "root:x:0:\napp:x:1000:\n");
    }

    #[test]
    fn the_user_of_a_base_is_found_by_name_or_number() {
        let base = BaseFiles {
            passwd: Some("root:x:0:0::/root:/bin/sh\nweb:x:101:102::/:/bin/false\n"),
            group: Some("web:x:102:\nlog:x:7:\n"),
        };
        let found = |user| lookup(user, base).map(|owner| (owner.uid, owner.gid));
        assert_eq!(found("web"), Some((101, 102)));
        assert_eq!(found("101"), Some((101, 102)));
        assert_eq!(found("web:log"), Some((101, 7)));
        assert_eq!(found("4:5"), Some((4, 5)));
        assert_eq!(found("nobody"), None);
    }
}
