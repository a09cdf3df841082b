//! Test runners: one file a family.

pub mod dotnet;
pub mod go;
pub mod gradle;
pub mod javascript;
pub mod junit;
pub mod native;
pub mod php;
pub mod pytest;
pub mod ruby;
pub mod rust;
