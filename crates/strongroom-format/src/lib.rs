//! The bytes of a Strongroom repository: encode, decode, nothing else.
