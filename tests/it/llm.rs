//! The model gateways.
