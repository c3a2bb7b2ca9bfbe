"""An independent reader of Strongroom repositories, written from docs/format.md alone."""
