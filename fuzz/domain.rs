//! The domain by itself: the same sources as regreen's, built without what is around them.

#[path = "../src"]
mod house {
    pub mod domain;
}

pub use house::domain;
