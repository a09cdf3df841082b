//! What needs more than one file of the library: real databases, real processes.

mod store;
