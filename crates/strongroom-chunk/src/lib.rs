//! Cuts bytes into chunks: content-defined (gear64) and fixed, behind one trait.
