//! Refuses files with secrets that other users may open.

use std::path::Path;

use super::ConfigError;
use crate::permissions;

/// Refuses a file with a secret that other users may open.
///
/// # Errors
/// Other users may open the file, or its access rights cannot be read.
pub(crate) fn refuse_open_to_others(path: &Path) -> Result<(), ConfigError> {
    let shown = path.display();
    match permissions::others(path) {
        Ok(None) => Ok(()),
        Ok(Some(others)) => {
            let message = format!("{shown} is open to other users ({others})");
            Err(ConfigError::new(message, close(path)))
        }
        Err(error) => {
            let mut refused = ConfigError::reading(path, &error);
            refused.message = format!("cannot read the access rights of {shown}: {error}");
            if !refused.is_of_the_host {
                "put it on a disk with access rights".clone_into(&mut refused.remedy);
            }
            Err(refused)
        }
    }
}

/// Returns the remedy: the command that makes a file owner-only.
fn close(path: &Path) -> String {
    if cfg!(windows) {
        "run authentication_setup again, which makes it owner-only".to_owned()
    } else {
        format!("chmod 600 {}", shell_word(path))
    }
}

/// Returns the path, quoted so that a shell reads it as one word.
pub(crate) fn shell_word(path: &Path) -> String {
    let path = path.display().to_string();
    let signs = if cfg!(windows) {
        "\\:._-~"
    } else {
        "/:._-~+@%,="
    };
    let is_plain = |letter: char| letter.is_alphanumeric() || signs.contains(letter);
    if path.chars().all(is_plain) {
        path
    } else if cfg!(windows) {
        format!("\"{path}\"") // names on Windows cannot hold a quote
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_path_in_a_command_is_one_word() {
        for path in [
            "/a/b.toml",
            "/with space/it's \"here\" $HOME/c.toml",
            "/é/`x`\\y",
        ] {
            let word = shell_word(Path::new(path));
            let script = format!("printf %s {word}");
            let said = Command::new("/bin/sh")
                .args(["-c", &script])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), path);
        }
    }
}
