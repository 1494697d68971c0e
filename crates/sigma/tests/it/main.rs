//! The shipped Sigma files are what the rules say, and Sigma rules find what they should.

mod run;
mod shipped;
