//! segment_model
