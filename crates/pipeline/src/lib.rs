//! The order in which rooms are visited, once: sources → records → events → attempts → subscribers.
//! (bodies under construction)
