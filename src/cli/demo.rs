//! demo
use super::Context;
/// Args
#[derive(Debug, clap::Args)]
pub struct DemoArgs {}
/// run
pub async fn run(_: &Context, _: &DemoArgs) -> anyhow::Result<u8> {
    Ok(0)
}
