//! The edges: one file or folder an outside system. They know the domain and the ports, never each other.

pub mod store;
