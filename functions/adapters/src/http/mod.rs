//! What the functions behind the HTTP API share: who calls, what goes wrong, where a list goes on.

pub mod admission;
pub mod answer;
pub mod caller;
pub mod cursor;
pub mod document;
pub mod principal;
pub mod problem;
pub mod publishing;
