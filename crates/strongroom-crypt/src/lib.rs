//! Keys, key slots, cipher suites, keyed ids, seal and open.
