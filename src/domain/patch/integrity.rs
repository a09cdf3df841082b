//! placeholder while the rest is built
