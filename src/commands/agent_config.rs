//! `agent-config`: the settings of an agent, ready to use.

use std::path::Path;

/// The data folder that the settings name.
const DATA: &str = "/var/spool/mimecast";

/// Each agent with its settings. The first lines of each text say if it was run against the real agent.
const AGENTS: [(&str, &str); 8] = [
    (
        "sumo",
        include_str!("../../packaging/sumologic/local_file_sources.json"),
    ),
    ("splunk", include_str!("../../packaging/agents/splunk.conf")),
    (
        "rsyslog",
        include_str!("../../packaging/agents/rsyslog.conf"),
    ),
    (
        "syslog-ng",
        include_str!("../../packaging/agents/syslog-ng.conf"),
    ),
    (
        "filebeat",
        include_str!("../../packaging/agents/filebeat.yml"),
    ),
    ("vector", include_str!("../../packaging/agents/vector.toml")),
    (
        "fluent-bit",
        include_str!("../../packaging/agents/fluent-bit.conf"),
    ),
    ("wazuh", include_str!("../../packaging/agents/wazuh.xml")),
];

/// Returns the names of the agents.
pub fn names() -> impl Iterator<Item = &'static str> {
    AGENTS.iter().map(|(name, _)| *name)
}

/// Returns the settings of an agent for a data folder. `None` for an unknown agent.
pub fn settings(agent: &str, data: &Path) -> Option<String> {
    let (_, text) = AGENTS.iter().find(|(name, _)| *name == agent)?;
    let mut data = data.display().to_string();
    if cfg!(windows) {
        data = data.replace('\\', "/"); // a backslash would need another spelling in each format
    }
    Some(text.replace(DATA, &data))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text without comments and blank lines.
    fn lines(text: &str) -> Vec<&str> {
        let is_comment = |line: &&str| line.starts_with("# ") || line.starts_with("<!-- ");
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines.filter(|line| !is_comment(line)).collect()
    }

    #[test]
    fn the_page_shows_the_settings_that_the_command_prints() {
        let page = lines(include_str!("../../docs/other-agents.md")).join("\n");
        for (name, text) in AGENTS.iter().filter(|(name, _)| *name != "sumo") {
            for part in text.split("\n\n").map(lines) {
                assert!(page.contains(&part.join("\n")), "{name}: {part:?}");
            }
        }
    }

    #[test]
    fn the_data_folder_of_the_configuration_is_in_every_path() {
        for name in names() {
            let text = settings(name, Path::new("/srv/logs")).unwrap();
            assert!(
                text.contains("/srv/logs/mta") && text.contains("/srv/logs/audit"),
                "{name}"
            );
            assert!(!text.contains(DATA), "{name}");
        }
        assert_eq!(settings("none", Path::new("/srv")), None);
    }
}
