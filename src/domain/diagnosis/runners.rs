//! Test runners: one file a family.

pub mod apple;
pub mod behaviour;
pub mod browser;
pub mod dotnet;
pub mod functional;
pub mod go;
pub mod gradle;
pub mod javascript;
pub mod junit;
pub mod native;
pub mod php;
pub mod pytest;
pub mod ruby;
pub mod rust;
pub mod script;
pub mod unknown;
