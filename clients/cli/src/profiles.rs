//! Profiles: addresses and keys that `postel login` saves, in a file that only its owner can read.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::{Exit, Failure};

/// An address and its key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) url: String,
    pub(crate) key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<String>,
}

/// All of them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Profiles {
    current: Option<String>,
    profiles: BTreeMap<String, Profile>,
}

impl Profiles {
    /// The file: `POSTEL_CONFIG`, or `postel/profiles.json` in the user's configuration.
    pub(crate) fn path() -> Result<PathBuf, Failure> {
        let set = |name: &str| {
            env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let folder =
            || set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
        set("POSTEL_CONFIG")
            .or_else(|| folder().map(|folder| folder.join("postel").join("profiles.json")))
            .ok_or_else(|| {
                Failure::usage("HOME is not set, so there is no place for profiles.")
                    .hint("Set POSTEL_CONFIG to a file.")
            })
    }

    pub(crate) fn load() -> Result<Self, Failure> {
        match Self::path() {
            Ok(path) => Self::read(&path),
            Err(_) => Ok(Self::default()),
        }
    }

    fn read(path: &Path) -> Result<Self, Failure> {
        let unusable = |why: String| {
            Failure::new(
                Exit::Usage,
                "profiles",
                format!("The profiles in {} cannot be used: {why}.", path.display()),
            )
        };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(unusable(error.to_string())),
        };
        let mode = fs::metadata(path)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(
                unusable(format!("others may read its keys (mode {mode:o})"))
                    .hint(format!("Run: chmod 600 {}", path.display())),
            );
        }
        // serde's text would quote the line, with the key.
        serde_json::from_str(&text).map_err(|error| {
            unusable(format!(
                "line {} is not what `postel login` writes",
                error.line()
            ))
            .hint("Mend it, or delete it and log in again.")
        })
    }

    pub(crate) fn save(&self) -> Result<PathBuf, Failure> {
        let path = Self::path()?;
        self.write(&path)?;
        Ok(path)
    }

    /// Writes a new file and renames it: an interruption leaves the old one whole, and at no moment
    /// can others read it.
    fn write(&self, path: &Path) -> Result<(), Failure> {
        let cannot = |error: std::io::Error| {
            Failure::usage(format!("{} cannot be written: {error}.", path.display()))
        };
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(cannot)?;
        }
        let new = path.with_extension(format!("{}.new", std::process::id()));
        let text = serde_json::to_string_pretty(self).map_err(|error| cannot(error.into()))?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .map_err(cannot)?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(cannot)?;
        fs::rename(&new, path).map_err(cannot)
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    pub(crate) fn current(&self) -> Option<(&str, &Profile)> {
        let name = self.current.as_deref()?;
        Some((name, self.profiles.get(name)?))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// Saves a profile and makes it the current one.
    pub(crate) fn put(&mut self, name: &str, profile: Profile) {
        self.profiles.insert(name.to_owned(), profile);
        self.current = Some(name.to_owned());
    }

    /// Forgets a profile; false if there is none.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        if self.current.as_deref() == Some(name) {
            self.current = None;
        }
        self.profiles.remove(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        env::temp_dir().join(format!("postel-cli-{name}-{}", std::process::id()))
    }

    #[test]
    fn the_file_of_keys_is_its_owners_alone_and_read_back() {
        let folder = folder("profiles");
        let path = folder.join("postel").join("profiles.json");
        let mut profiles = Profiles::default();
        for key in ["first", "second"] {
            let url = "https://a.example.com".to_owned();
            profiles.put(
                "live",
                Profile {
                    url,
                    key: key.to_owned(),
                    tenant: None,
                },
            );
            profiles.write(&path).unwrap();
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert!(Profiles::read(&path).unwrap() == profiles);
        assert_eq!(
            fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "a left-over file has a key"
        );
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_and_no_error_quotes_a_key() {
        let folder = folder("open");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("profiles.json");
        fs::write(
            &path,
            r#"{"profiles": {"a": {"url": "u", "key": 12345678}}}"#,
        )
        .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let told = |path: &Path| Profiles::read(path).err().unwrap().to_string();
        assert!(told(&path).contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(!told(&path).contains("12345678"));
        assert!(Profiles::read(&folder.join("none")).unwrap() == Profiles::default());
        fs::remove_dir_all(folder).unwrap();
    }
}
