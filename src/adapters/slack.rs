//! The team's Slack channel.
