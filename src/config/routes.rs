//! The routes to models.

use std::time::Duration;

use super::file::RouteFile;
use super::reader::{DURATION, Reader, duration, web_address};
use super::{Route, RouteKind};

/// The default models of vendors, where only a key is given.
const VENDORS: [(&str, &str, RouteKind, &str); 3] = [
    ("ANTHROPIC_API_KEY", "anthropic", RouteKind::Anthropic, "claude-sonnet-4-5"),
    ("OPENAI_API_KEY", "openai", RouteKind::OpenAi, "gpt-5"),
    ("GEMINI_API_KEY", "gemini", RouteKind::Gemini, "gemini-2.5-pro"),
];

/// The routes of the file; where there are none, one for each vendor whose key is set.
pub(super) fn routes(reader: &mut Reader, given: &[RouteFile]) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    for route in given {
        let name = format!("route `{}`", route.name);
        if routes.iter().any(|other| other.name == route.name) {
            reader.problem(&name, "the name is used twice");
        }
        let base_url = reader.parsed(&format!("{name} base_url"), route.base_url.clone(), "an http or https address", web_address);
        let key_env = route.key_env.clone().unwrap_or_else(|| match route.kind {
            RouteKind::OpenAi => "OPENAI_API_KEY".into(),
            RouteKind::Anthropic => "ANTHROPIC_API_KEY".into(),
            RouteKind::Gemini => "GEMINI_API_KEY".into(),
            RouteKind::TensorZero => "TENSORZERO_API_KEY".into(),
            RouteKind::Command => String::new(),
        });
        let key = reader.secret(&key_env);
        let needs_key = matches!(route.kind, RouteKind::Anthropic | RouteKind::Gemini) || (route.kind == RouteKind::OpenAi && base_url.is_none());
        if key.is_none() && (needs_key || route.key_env.is_some()) {
            reader.problem(&key_env, format!("is missing, and {name} needs it"));
        }
        if route.kind == RouteKind::TensorZero && base_url.is_none() && reader.text("TENSORZERO_URL").is_none() {
            reader.problem(format!("{name} base_url"), "is missing (or set TENSORZERO_URL)");
        }
        let base_url =
            base_url.or_else(|| if route.kind == RouteKind::TensorZero { reader.env("TENSORZERO_URL", "an http or https address", web_address) } else { None });
        if route.kind == RouteKind::Command {
            // An agent reads hostile text and runs tools: it must not be run beside the service's own environment.
            reader.problem(format!("{name} kind"), "`command` is not run yet: a coding agent needs the sandbox and the proxy around it; take another kind");
        }
        if route.kind == RouteKind::Command && route.argv.is_empty() {
            reader.problem(format!("{name} argv"), "is missing: the command and its arguments, as a list");
        }
        if route.kind != RouteKind::Command && route.model.is_empty() {
            reader.problem(format!("{name} model"), "is missing: the model's name");
        }
        let timeout = reader.parsed(&format!("{name} timeout"), route.timeout.clone(), DURATION, duration).unwrap_or(Duration::from_secs(180));
        routes.push(Route {
            name: route.name.clone(),
            kind: route.kind,
            base_url,
            model: route.model.clone(),
            key_env,
            key,
            timeout,
            max_output_tokens: route.max_output_tokens.unwrap_or(16_384),
            input_price: route.price.input,
            output_price: route.price.output,
            argv: route.argv.clone(),
        });
    }
    if routes.is_empty() {
        let plain = |name: &str, kind, base_url, model: &str, key_env: &str, key| Route {
            name: name.into(),
            kind,
            base_url,
            model: model.into(),
            key_env: key_env.into(),
            key,
            timeout: Duration::from_secs(180),
            max_output_tokens: 16_384,
            input_price: 0.0,
            output_price: 0.0,
            argv: Vec::new(),
        };
        if let Some(url) = reader.env("TENSORZERO_URL", "an http or https address", web_address) {
            let key = reader.secret("TENSORZERO_API_KEY");
            routes.push(plain("tensorzero", RouteKind::TensorZero, Some(url), "tensorzero::function_name::fix", "TENSORZERO_API_KEY", key));
        }
        for (key_env, name, kind, model) in VENDORS {
            if let Some(key) = reader.secret(key_env) {
                routes.push(plain(name, kind, None, model, key_env, Some(key)));
            }
        }
    }
    routes
}
